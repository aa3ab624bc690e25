"""Checkpoint files into modules: read, named as ours, checked, and assigned tensor by tensor."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lipar_core.checkpoint_file import State, read_tensors
from lipar_core.config import TransformerConfig
from lipar_core.errors import CheckpointError
from lipar_core.layouts import Part, section
from lipar_core.model_kinds import other_model
from lipar_core.quantised import Weights, split_scales

# Smaller files are copied: what is mapped follows its file, and must not be written while it is in use.
MAPPED_BYTES = 256 * 2**20
ALIGNMENT = 64  # bytes, as PyTorch's own allocations have it


def load_network(module: nn.Module, path: Path, part: Part, device: torch.device, dtype: torch.dtype) -> None:
    """Give a module built on the meta device its weights, in evaluation mode.

    Raises `CheckpointError` naming the file and what is wrong with it.
    """
    weights = _network_weights(path, part)
    check_fits(module, weights.stored, str(path))
    mapped = sum(value.nbytes for value in weights.stored.values()) >= MAPPED_BYTES
    state = {name: _placed(weights, name, path, device, dtype, mapped=mapped) for name in weights.stored}
    module.load_state_dict(state, assign=True)
    module.requires_grad_(False).eval()


def _network_weights(path: Path, part: Part) -> Weights:
    state = read_tensors(path)
    try:
        return split_scales(section(state, part))
    except CheckpointError as error:
        raise CheckpointError(f"checkpoint {path}: {error}") from error


def _placed(
    weights: Weights, name: str, path: Path, device: torch.device, dtype: torch.dtype, *, mapped: bool
) -> Tensor:
    """One weight on its device, checked; on a CPU it stays a view of its file where that is safe."""
    stored = weights.stored[name]
    value = weights.tensor(name, dtype).to(device)
    check_finite(name, value, stored, str(path))
    if value.data_ptr() == stored.data_ptr() and not (mapped and value.data_ptr() % ALIGNMENT == 0):
        return value.clone()
    return value.contiguous()


def check_finite(name: str, value: Tensor, stored: Tensor, origin: str) -> None:
    """Raises `CheckpointError` for NaN or Inf among a weight's values."""
    if value.isfinite().all():
        return
    if stored.float().isfinite().all():
        kind = str(value.dtype).removeprefix("torch.")
        raise CheckpointError(f"checkpoint {origin}: key {name} holds values that are too large for {kind}")
    raise CheckpointError(f"checkpoint {origin}: key {name} holds NaN or Inf: the file is damaged or was badly trained")


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
