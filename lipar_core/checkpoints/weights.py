"""Loads checkpoint files into modules: read, renamed, checked, and assigned tensor by tensor."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lipar_core.checkpoints.checkpoint_file import StateDict, read_tensors
from lipar_core.checkpoints.converted_weights import converted_weights
from lipar_core.checkpoints.key_names import NetworkName, select_network
from lipar_core.checkpoints.loras import merge_deltas, read_loras
from lipar_core.checkpoints.model_identification import identify_other_model
from lipar_core.checkpoints.quantised import StoredWeights, check_dtypes, is_finite, split_scales
from lipar_core.checkpoints.random_weights import fill_random
from lipar_core.errors import CheckpointError
from lipar_core.kinds.wan import WanConfig
from lipar_core.load_progress import report_load_progress
from lipar_core.weight_files import RANDOM_WEIGHTS

# Smaller files are copied: a mapped file must not be overwritten while it is in use.
MAPPED_BYTES = 256 * 2**20


class MetaDevice(TorchFunctionMode):
    """Context in which modules are built on the meta device, without memory or initial values.

    `torch.device("meta")` alone still runs the initialisers, for which PyTorch imports SymPy: 4 s at every start.
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
    part: NetworkName,
    device: torch.device,
    dtype: torch.dtype,
    loras: Sequence[tuple[Path, float]] = (),
) -> None:
    """Load a module built under `MetaDevice`, in evaluation mode, with LoRA files merged at their scales.

    The path `RANDOM_WEIGHTS` stands for random values.
    Raises `CheckpointError` naming the file and what is wrong with it.
    """
    if path == RANDOM_WEIGHTS:
        fill_random(module, device, dtype)
        return
    weights = checked_weights(module, path, part)
    mapped = is_mapped(weights)
    converted = _converted(weights, path, part, dtype) if mapped else None
    deltas = read_loras(loras, {name: value.shape for name, value in weights.stored.items()})
    state = {}
    for name in weights.stored:
        report_load_progress(f"loading {path.name}")
        value = _finite_weight(weights, name, dtype, path) if converted is None else converted[name]
        if name in deltas:
            value = merge_deltas(name, value, deltas[name])
        state[name] = to_device(value, device, mapped)
    module.load_state_dict(state, assign=True)
    module.requires_grad_(False).eval()


def checked_weights(module: nn.Module, path: Path, part: NetworkName) -> StoredWeights:
    """One network's weights of a checkpoint, which has exactly those of the module; raises `CheckpointError`."""
    weights = read_weights(path, part)
    check_keys_and_shapes(module, weights.stored, str(path))
    check_dtypes(weights.stored, str(path))
    return weights


def is_mapped(weights: StoredWeights) -> bool:
    """Whether the checkpoint is large enough to stay memory-mapped."""
    return sum(value.nbytes for value in weights.stored.values()) >= MAPPED_BYTES


def read_weights(path: Path, part: NetworkName) -> StoredWeights:
    """One network's weights of a checkpoint, under our names; raises `CheckpointError`."""
    state = read_tensors(path)
    try:
        return split_scales(select_network(state, part))
    except CheckpointError as error:
        raise CheckpointError(f"checkpoint {path}: {error}") from error


def _converted(weights: StoredWeights, path: Path, part: NetworkName, dtype: torch.dtype) -> StateDict | None:
    """The weights in `dtype`, memory-mapped; None if the file has this dtype or the conversion cannot be stored."""
    if not weights.scales and all(value.dtype == dtype for value in weights.stored.values()):
        return None
    layout = {name: value.to("meta", dtype) for name, value in weights.stored.items()}
    return converted_weights(path, part, dtype, layout, lambda name: finite_pieces(weights, name, dtype, path))


def finite_pieces(weights: StoredWeights, name: str, dtype: torch.dtype, path: Path) -> Iterator[Tensor]:
    """One weight in `dtype` by groups of rows; raises `CheckpointError` if it holds NaN or Inf."""
    for value in weights.pieces(name, dtype):
        _check_finite(value, weights, name, path)
        yield value


def _finite_weight(weights: StoredWeights, name: str, dtype: torch.dtype, path: Path) -> Tensor:
    """One weight in `dtype`; raises `CheckpointError` if it holds NaN or Inf."""
    value = weights.tensor(name, dtype)
    _check_finite(value, weights, name, path)
    return value


def _check_finite(value: Tensor, weights: StoredWeights, name: str, path: Path) -> None:
    if is_finite(value):
        return
    if weights.stored[name].double().isfinite().all():
        name_of_dtype = str(value.dtype).removeprefix("torch.")
        raise CheckpointError(f"checkpoint {path}: key {name} holds values that are too large for {name_of_dtype}")
    raise CheckpointError(f"checkpoint {path}: key {name} holds NaN or Inf: the file is damaged or was badly trained")


def to_device(value: Tensor, device: torch.device, mapped: bool) -> Tensor:
    """The weight on `device`; on a CPU a mapped weight stays a view of its file."""
    moved = value.to(device)
    if moved is value and not mapped:
        return value.clone(memory_format=torch.contiguous_format)
    return moved.contiguous()


def load_into(module: nn.Module, state: StateDict, origin: str) -> None:
    """Copy a state dict into the module; raises `CheckpointError` naming a missing, extra or mis-shaped key."""
    check_keys_and_shapes(module, state, origin)
    module.load_state_dict(state)


def check_keys_and_shapes(module: nn.Module, state: StateDict, origin: str) -> None:
    """Raises `CheckpointError` naming one key per kind of error, and the model that the file is for, if recognised."""
    own = module.state_dict()
    errors_by_kind = (
        [f"missing key {key}" for key in own if key not in state],
        [f"unexpected key {key}" for key in state if key not in own],
        [
            f"key {key} has shape {list(state[key].shape)}, the model needs {list(value.shape)}"
            for key, value in own.items()
            if key in state and state[key].shape != value.shape
        ],
    )
    summaries = [
        f"{errors[0]}{f' (and {len(errors) - 1} more)' if len(errors) > 1 else ''}"
        for errors in errors_by_kind
        if errors
    ]
    if summaries:
        identified = identify_other_model(state, own)
        raise CheckpointError(
            f"checkpoint {origin}: {'; '.join([f'is {identified}', *summaries] if identified else summaries)}"
        )


def transformer_config(published: Mapping[str, object]) -> WanConfig:
    """Our config from a model's published Wan config; raises `CheckpointError` for an unsupported one."""
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
    return WanConfig(patch=patch[1], **values)  # type: ignore[arg-type]
