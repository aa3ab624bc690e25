"""Checkpoint files to tables of tensors, memory-mapped where the format allows it, under the names that they have."""

import argparse
import collections
import json
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lipar_core.errors import CheckpointError
from lipar_core.foreign_files import is_safetensors, reason_to_refuse

State = dict[str, Tensor]

# Training states nest the weights under one of these; the first that is there is read.
WRAPPERS = (
    *("generator_ema", "ema", "model_ema", "ema_model", "ema_state_dict", "params_ema"),
    *("generator", "state_dict", "model_state_dict", "model", "module", "params", "weights", "net"),
)
INDEX_SUFFIX = ".safetensors.index.json"
SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.safetensors")


def read_tensors(path: Path) -> State:
    """Every tensor of a file, an index of shards, or a folder that holds one of them.

    Raises `CheckpointError`, in one line that says what the file is, where it is no checkpoint.
    """
    path = _resolve(path)
    try:
        if path.name.endswith(INDEX_SUFFIX):
            return _read_shards(path)
        reason = reason_to_refuse(path)
        if reason:
            raise CheckpointError(f"checkpoint {path}: {reason}")
        return _read_safetensors(path) if is_safetensors(path) else _read_pickle(path)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: {error.strerror or one_line(error)}") from error


def files_of(path: Path) -> list[Path]:
    """The files that `read_tensors` reads for a path."""
    path = _resolve(path)
    if not path.name.endswith(INDEX_SUFFIX):
        return [path]
    return [path, *(path.parent / name for name in sorted(set(_weight_map(path).values())))]


def one_line(text: object) -> str:
    """The text without line breaks, escape sequences and most of its length."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(text))
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:200]


def _resolve(path: Path) -> Path:
    """The file that a folder stands for, else the path itself."""
    if not path.exists():
        raise CheckpointError(f"checkpoint {path}: no such file")
    if not path.is_dir():
        return path
    found = sorted(path.glob(f"*{INDEX_SUFFIX}")) or sorted(path.glob("*.safetensors"))
    if len(found) != 1:
        raise CheckpointError(f"checkpoint {path}: is a folder with {len(found)} checkpoints, name the file")
    return found[0]


def _read_safetensors(path: Path) -> State:
    index = SHARD.fullmatch(path.name)
    if index:
        raise CheckpointError(f"checkpoint {path}: is one shard of several, name {index[1]}{INDEX_SUFFIX}")
    return _read_safetensors_file(path)


def _read_safetensors_file(path: Path) -> State:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except SafetensorError as error:
        raise CheckpointError(
            f"checkpoint {path}: damaged, or its download was cut short ({one_line(error)})"
        ) from error


def _read_shards(index: Path) -> State:
    """All shards that an index names, checked against it."""
    shards = _weight_map(index)
    state: State = {}
    for name in sorted(set(shards.values())):
        shard = index.parent / name
        if not shard.is_file():
            raise CheckpointError(f"checkpoint {index}: its shard {name} is missing")
        reason = reason_to_refuse(shard)
        if reason:
            raise CheckpointError(f"checkpoint {shard}: {reason}")
        state |= _read_safetensors_file(shard)
    for key, name in shards.items():
        if key not in state:
            raise CheckpointError(f"checkpoint {index}: key {key} is not in its shard {name}")
    return state


def _weight_map(index: Path) -> dict[str, str]:
    try:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = {str(key): str(name) for key, name in shards.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {index}: no index of shards ({one_line(error)})") from error
    for name in names.values():
        if Path(name).name != name:
            raise CheckpointError(f"checkpoint {index}: its shard {name!r} is not in its folder")
    return names


def _read_pickle(path: Path) -> State:
    try:
        with torch.serialization.safe_globals(_harmless()):
            tree = _unpickle(path)
    except OSError:
        raise
    except Exception as error:  # a damaged file fails in the unpickler in any of a dozen ways
        raise CheckpointError(f"checkpoint {path}: {_pickle_fault(path, error)}") from error
    return _table(path, tree)


def _unpickle(path: Path) -> object:
    """The tree in the file; only PyTorch's zip archives can be mapped, and its loader goes by the name of a file."""
    if zipfile.is_zipfile(path) and path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with path.open("rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _pickle_fault(path: Path, error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(path):
        with torch.serialization.safe_globals(_harmless()):
            objects = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        if objects:
            names = ", ".join(sorted(objects)[:3])
            return f"holds Python objects beside tensors ({names}); reading them would run code: save the weights alone"
    return f"unreadable, damaged or cut short ({one_line(error)})"


def _harmless() -> list[Callable[..., object] | tuple[Callable[..., object], str]]:
    """What training states hold beside tensors, and whose unpickling runs no code of the file's own."""
    kinds = [kind for kind in vars(np.dtypes).values() if isinstance(kind, type)]
    reconstruct: Any = np.zeros(1).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    from_buffer: Any = np.zeros(1).__reduce_ex__(5)[0]
    named: list[tuple[Callable[..., object], str]] = [
        (function, f"{core}.{name}")  # as NumPy 1 and NumPy 2 write it
        for core in ("numpy.core", "numpy._core")
        for function, name in (
            (reconstruct, "multiarray._reconstruct"),
            (scalar, "multiarray.scalar"),
            (from_buffer, "numeric._frombuffer"),
        )
    ]
    return [np.ndarray, np.dtype, *kinds, *named, argparse.Namespace, collections.defaultdict]


def _table(path: Path, tree: object) -> State:
    """The table of tensors in what was unpickled."""
    inner = tree
    while isinstance(inner, Mapping) and (wrapper := _wrapper(inner)):
        inner = inner[wrapper]
    if not isinstance(inner, Mapping):
        raise CheckpointError(f"checkpoint {path}: holds no table of tensors but a {type(inner).__name__}")
    if {"state", "param_groups"} <= inner.keys():
        raise CheckpointError(f"checkpoint {path}: holds an optimizer's state, no weights")
    state = dict(_tensors(inner))
    if not state:
        entries = ", ".join(str(key) for key in list(inner)[:5]) or "nothing"
        raise CheckpointError(f"checkpoint {path}: holds no table of tensors (it has {one_line(entries)})")
    return state


def _wrapper(tree: Mapping[object, object]) -> str | None:
    return next((name for name in WRAPPERS if isinstance(tree.get(name), Mapping) and tree[name]), None)


def _tensors(table: Mapping[object, object]) -> Iterator[tuple[str, Tensor]]:
    """Numbers, text and the like, which training scripts leave among weights, are passed over."""
    for key, value in table.items():
        if isinstance(value, Tensor):
            yield str(key), value.detach()
