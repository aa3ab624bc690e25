"""Checkpoint files to state dicts and modules. Foreign key names appear here and nowhere else."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lipar_core.config import TransformerConfig
from lipar_core.errors import CheckpointError

State = dict[str, Tensor]

# A bundle keeps all networks in one file, told apart by these prefixes.
SECTIONS = {"transformer": ("model.",), "codec": ("encoder.", "decoder.", "renderer."), "text": ("text.",)}
STRIPPED = ("model.", "text.")  # the codec's prefixes are part of its own names
WRAPPERS = ("generator_ema", "generator", "state_dict")  # training checkpoints nest the weights under one of these


def read_state(path: Path) -> State:
    """Read a `.safetensors` or `.pt`/`.pth` file; raises `CheckpointError` when it is missing or unreadable."""
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tree = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in the unpickler in any of a dozen ways
        raise CheckpointError(f"checkpoint {path}: unreadable ({' '.join(str(error).split())[:200]})") from error
    for wrapper in WRAPPERS:
        if isinstance(tree, Mapping) and isinstance(tree.get(wrapper), Mapping):
            tree = tree[wrapper]
            break
    if not isinstance(tree, Mapping) or not all(isinstance(value, Tensor) for value in tree.values()):
        raise CheckpointError(f"checkpoint {path}: holds no table of tensors")
    return {str(name).replace("_fsdp_wrapped_module.", ""): value for name, value in tree.items()}


def section(state: State, name: str) -> State:
    """One network's part of a state dict; a file of that network alone is returned whole."""
    every = tuple(prefix for prefixes in SECTIONS.values() for prefix in prefixes)
    mine = SECTIONS[name]
    if not any(key.startswith(mine) for key in state):
        return state
    part = {key: value for key, value in state.items() if key.startswith(mine) or not key.startswith(every)}
    for prefix in STRIPPED:
        part = {key.removeprefix(prefix) if prefix in mine else key: value for key, value in part.items()}
    return part


def load_into(module: nn.Module, state: State, origin: str) -> None:
    """Copy a state dict into the module; raises `CheckpointError` naming a missing, extra or mis-shaped key."""
    own = module.state_dict()
    faults = [f"missing key {key}" for key in own if key not in state]
    faults += [f"unexpected key {key}" for key in state if key not in own]
    faults += [
        f"key {key} has shape {list(state[key].shape)}, the model needs {list(value.shape)}"
        for key, value in own.items()
        if key in state and state[key].shape != value.shape
    ]
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise CheckpointError(f"checkpoint {origin}: {'; '.join(faults[:3])}{more}")
    module.load_state_dict(state)


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
