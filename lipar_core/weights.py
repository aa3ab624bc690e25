"""Checkpoint files into modules: read, named as ours, checked, and assigned tensor by tensor."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lipar_core.checkpoint_file import State, read_tensors
from lipar_core.config import TransformerConfig
from lipar_core.converted import convert, read_converted
from lipar_core.errors import CheckpointError
from lipar_core.layouts import Part, section
from lipar_core.loras import merged, read_loras
from lipar_core.model_kinds import other_model
from lipar_core.quantised import Weights, check_dtypes, is_finite, split_scales

# Smaller files are copied: what is mapped follows its file, and must not be written while it is in use.
MAPPED_BYTES = 256 * 2**20


class Skeleton(TorchFunctionMode):
    """Within it, modules are built on the meta device, without memory and without initial values.

    `torch.device("meta")` alone draws them, for which PyTorch imports SymPy: four seconds of every start.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is nn.init.normal_ and kwargs:
            return kwargs["tensor"]
        with torch.device("meta"):
            return func(*args, **(kwargs or {}))


def load_network(
    module: nn.Module,
    path: Path,
    part: Part,
    device: torch.device,
    dtype: torch.dtype,
    loras: Sequence[tuple[Path, float]] = (),
) -> None:
    """Give a module built in a `Skeleton` its weights, in evaluation mode, with LoRA files merged at their scales.

    Raises `CheckpointError` naming the file and what is wrong with it.
    """
    weights = read_weights(path, part)
    check_fits(module, weights.stored, str(path))
    check_dtypes(weights.stored, str(path))
    large = sum(value.nbytes for value in weights.stored.values()) >= MAPPED_BYTES
    kept = _converted(weights, path, part, dtype) if large else None
    changes = read_loras(loras, {name: value.shape for name, value in weights.stored.items()})
    state = {}
    for name in weights.stored:
        value = _checked(weights, name, dtype, path) if kept is None else kept[name]
        if name in changes:
            value = merged(name, value, changes[name])
        state[name] = _placed(value, device, large)
    module.load_state_dict(state, assign=True)
    module.requires_grad_(False).eval()


def read_weights(path: Path, part: Part) -> Weights:
    """One network's weights in a checkpoint, under our names; raises `CheckpointError`."""
    state = read_tensors(path)
    try:
        return split_scales(section(state, part))
    except CheckpointError as error:
        raise CheckpointError(f"checkpoint {path}: {error}") from error


def _converted(weights: Weights, path: Path, part: Part, dtype: torch.dtype) -> State | None:
    """The weights as they run, memory-mapped; None where the file has them so, or where no conversion can be kept."""
    if not weights.scales and all(value.dtype == dtype for value in weights.stored.values()):
        return None
    kept = read_converted(path, part, dtype)
    if kept is not None:
        return kept
    shapes = {name: value.shape for name, value in weights.stored.items()}
    if convert(path, part, dtype, shapes, lambda name: _checked(weights, name, dtype, path)):
        return read_converted(path, part, dtype)
    return None


def _checked(weights: Weights, name: str, dtype: torch.dtype, path: Path) -> Tensor:
    """One weight in the dtype that runs; raises `CheckpointError` for NaN or Inf among its values."""
    value = weights.tensor(name, dtype)
    if is_finite(value):
        return value
    if weights.stored[name].float().isfinite().all():
        kind = str(dtype).removeprefix("torch.")
        raise CheckpointError(f"checkpoint {path}: key {name} holds values that are too large for {kind}")
    raise CheckpointError(f"checkpoint {path}: key {name} holds NaN or Inf: the file is damaged or was badly trained")


def _placed(value: Tensor, device: torch.device, mapped: bool) -> Tensor:
    """The weight on its device; on a CPU a mapped one stays a view of its file."""
    placed = value.to(device)
    if placed is value and not mapped:
        return value.clone(memory_format=torch.contiguous_format)
    return placed.contiguous()


def load_into(module: nn.Module, state: State, origin: str) -> None:
    """Copy a state dict into the module; raises `CheckpointError` naming a missing, extra or mis-shaped key."""
    check_fits(module, state, origin)
    module.load_state_dict(state)


def check_fits(module: nn.Module, state: State, origin: str) -> None:
    """Raises `CheckpointError` naming a key of each kind of fault, and what the file is where that is known."""
    own = module.state_dict()
    kinds = (
        [f"missing key {key}" for key in own if key not in state],
        [f"unexpected key {key}" for key in state if key not in own],
        [
            f"key {key} has shape {list(state[key].shape)}, the model needs {list(value.shape)}"
            for key, value in own.items()
            if key in state and state[key].shape != value.shape
        ],
    )
    faults = [f"{kind[0]}{f' (and {len(kind) - 1} more)' if len(kind) > 1 else ''}" for kind in kinds if kind]
    if faults:
        known = other_model(state, own)
        raise CheckpointError(f"checkpoint {origin}: {'; '.join([f'is {known}', *faults] if known else faults)}")


def transformer_config(published: Mapping[str, object]) -> TransformerConfig:
    """The config of a model that is described by Wan's own names; raises `CheckpointError` for one we don't have."""
    names = {
        "dim": "dim",
        "ffn_dim": "ffn_dim",
        "num_heads": "heads",
        "num_layers": "layers",
        "in_dim": "channels",
        "text_dim": "text_dim",
        "text_len": "text_length",
        "freq_dim": "time_dim",
        "eps": "eps",
        "qk_norm": "qk_norm",
        "cross_attn_norm": "cross_attn_norm",
    }
    patch = published.get("patch_size", [1, 2, 2])
    if not isinstance(patch, list) or len(patch) != 3 or patch[0] != 1 or patch[1] != patch[2]:
        raise CheckpointError(f"patch_size = {patch}: only [1, n, n] is supported")
    if published.get("out_dim", published.get("in_dim")) != published.get("in_dim"):
        raise CheckpointError(f"out_dim = {published.get('out_dim')}: must equal in_dim {published.get('in_dim')}")
    values = {ours: published[theirs] for theirs, ours in names.items() if theirs in published}
    return TransformerConfig(patch=patch[1], **values)  # type: ignore[arg-type]
