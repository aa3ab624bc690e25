"""Reads checkpoint files into state dicts, memory-mapped where the format allows, with their keys unchanged."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lipar_core.checkpoints.checkpoint_paths import index_of_shard, is_index, one_line, resolve_file, weight_map
from lipar_core.checkpoints.file_formats import is_safetensors, rejection_reason
from lipar_core.checkpoints.pickle_file import read_pickle
from lipar_core.errors import CheckpointError

StateDict = dict[str, Tensor]


def read_tensors(path: Path) -> StateDict:
    """All tensors of a file, an index of shards, or a folder that holds one of them.

    Raises `CheckpointError`, in one line that says what the file is, if it is not a checkpoint.
    """
    path = resolve_file(path)
    try:
        if is_index(path):
            state = _read_shards(path)
        elif index := index_of_shard(path):
            raise CheckpointError(f"checkpoint {path}: is one shard of several, name {index}")
        else:
            state = _read_file(path)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: {error.strerror or one_line(error)}") from error
    _check_tensors(path, state)
    return state


def _read_file(path: Path) -> StateDict:
    reason = rejection_reason(path)
    if reason:
        raise CheckpointError(f"checkpoint {path}: {reason}")
    return _read_safetensors(path) if is_safetensors(path) else read_pickle(path)


def _read_safetensors(path: Path) -> StateDict:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    except SafetensorError as error:
        raise CheckpointError(
            f"checkpoint {path}: damaged, or its download was cut short ({one_line(error)})"
        ) from error


def _read_shards(index: Path) -> StateDict:
    """All shards of an index, checked against it."""
    shards = weight_map(index)
    state: StateDict = {}
    for name in sorted(set(shards.values())):
        shard = index.parent / name
        if not shard.is_file():
            raise CheckpointError(f"checkpoint {index}: its shard {name} is missing")
        state |= {key: value for key, value in _read_file(shard).items() if shards.get(key, name) == name}
    for key, name in shards.items():
        if key not in state:
            raise CheckpointError(f"checkpoint {index}: key {key} is not in its shard {name}")
    return state


def _check_tensors(path: Path, state: StateDict) -> None:
    """Raises `CheckpointError` if there are none, or for one that has no values in memory or a file."""
    if not state:
        raise CheckpointError(f"checkpoint {path}: holds no tensors")
    for key, value in state.items():
        if not key.isprintable():
            raise CheckpointError(f"checkpoint {path}: key {key!r} is not a name")
        if value.is_meta:
            raise CheckpointError(f"checkpoint {path}: key {key} has a shape but no values (a meta tensor)")
        if value.layout is not torch.strided:
            raise CheckpointError(f"checkpoint {path}: key {key} is a sparse tensor: save it dense")
