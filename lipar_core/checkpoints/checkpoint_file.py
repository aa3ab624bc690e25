"""Reads checkpoint files into state dicts, memory-mapped where the format allows, with their keys unchanged."""

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

from lipar_core.checkpoints.file_formats import is_safetensors, rejection_reason
from lipar_core.errors import CheckpointError

StateDict = dict[str, Tensor]

# Training checkpoints nest the weights under one of these keys; the first present one is read.
WRAPPER_KEYS = (
    *("generator_ema", "ema", "model_ema", "ema_model", "ema_state_dict", "params_ema"),
    *("generator", "state_dict", "model_state_dict", "model", "module", "params", "weights", "net"),
)
INDEX_SUFFIX = ".safetensors.index.json"
SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.safetensors")


def read_tensors(path: Path) -> StateDict:
    """All tensors of a file, an index of shards, or a folder that holds one of them.

    Raises `CheckpointError`, in one line that says what the file is, if it is not a checkpoint.
    """
    path = _resolve_file(path)
    try:
        if path.name.endswith(INDEX_SUFFIX):
            return _read_shards(path)
        reason = rejection_reason(path)
        if reason:
            raise CheckpointError(f"checkpoint {path}: {reason}")
        return _read_safetensors(path) if is_safetensors(path) else _read_pickle(path)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: {error.strerror or one_line(error)}") from error


def checkpoint_files(path: Path) -> list[Path]:
    """The files that `read_tensors` reads for this path."""
    path = _resolve_file(path)
    if not path.name.endswith(INDEX_SUFFIX):
        return [path]
    return [path, *(path.parent / name for name in sorted(set(_weight_map(path).values())))]


def one_line(text: object) -> str:
    """The text without line breaks and escape sequences, cut to 200 characters."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(text))
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:200]


def _resolve_file(path: Path) -> Path:
    """The checkpoint in a folder; the path itself if it is a file."""
    if not path.exists():
        raise CheckpointError(f"checkpoint {path}: no such file")
    if not path.is_dir():
        return path
    candidates = sorted(path.glob(f"*{INDEX_SUFFIX}")) or sorted(path.glob("*.safetensors"))
    if len(candidates) != 1:
        raise CheckpointError(f"checkpoint {path}: is a folder with {len(candidates)} checkpoints, name the file")
    return candidates[0]


def _read_safetensors(path: Path) -> StateDict:
    index = SHARD.fullmatch(path.name)
    if index:
        raise CheckpointError(f"checkpoint {path}: is one shard of several, name {index[1]}{INDEX_SUFFIX}")
    return _read_safetensors_file(path)


def _read_safetensors_file(path: Path) -> StateDict:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    except SafetensorError as error:
        raise CheckpointError(
            f"checkpoint {path}: damaged, or its download was cut short ({one_line(error)})"
        ) from error


def _read_shards(index: Path) -> StateDict:
    """All shards of an index, checked against it."""
    shards = _weight_map(index)
    state: StateDict = {}
    for name in sorted(set(shards.values())):
        shard = index.parent / name
        if not shard.is_file():
            raise CheckpointError(f"checkpoint {index}: its shard {name} is missing")
        reason = rejection_reason(shard)
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
        raise CheckpointError(f"checkpoint {index}: not an index of shards ({one_line(error)})") from error
    for name in names.values():
        if Path(name).name != name:
            raise CheckpointError(f"checkpoint {index}: its shard {name!r} is not in its folder")
    return names


def _read_pickle(path: Path) -> StateDict:
    try:
        with torch.serialization.safe_globals(_safe_globals()):
            tree = _unpickle(path)
    except OSError:
        raise
    except Exception as error:  # a damaged file can raise many types in the unpickler
        raise CheckpointError(f"checkpoint {path}: {_pickle_error_text(path, error)}") from error
    return _find_state_dict(path, tree)


def _unpickle(path: Path) -> object:
    """The unpickled object; only PyTorch's zip archives can be mapped, and `torch.load` decides by the file name."""
    if zipfile.is_zipfile(path) and path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with path.open("rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _pickle_error_text(path: Path, error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(path):
        with torch.serialization.safe_globals(_safe_globals()):
            objects = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        if objects:
            names = ", ".join(sorted(objects)[:3])
            return f"holds Python objects beside tensors ({names}); loading them could run code: save the weights only"
    return f"unreadable, damaged or cut short ({one_line(error)})"


def _safe_globals() -> list[Callable[..., object] | tuple[Callable[..., object], str]]:
    """Types that training checkpoints hold beside tensors and that are safe to unpickle."""
    dtypes = [dtype for dtype in vars(np.dtypes).values() if isinstance(dtype, type)]
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
    return [np.ndarray, np.dtype, *dtypes, *named, argparse.Namespace, collections.defaultdict]


def _find_state_dict(path: Path, tree: object) -> StateDict:
    """The state dict inside the unpickled object."""
    inner = tree
    while isinstance(inner, Mapping) and (wrapper := _wrapper_key(inner)):
        inner = inner[wrapper]
    if not isinstance(inner, Mapping):
        raise CheckpointError(f"checkpoint {path}: holds a {type(inner).__name__}, not a state dict")
    if {"state", "param_groups"} <= inner.keys():
        raise CheckpointError(f"checkpoint {path}: holds optimizer state, not weights")
    state = dict(_named_tensors(inner))
    if not state:
        entries = ", ".join(str(key) for key in list(inner)[:5]) or "nothing"
        raise CheckpointError(f"checkpoint {path}: holds no state dict (it has {one_line(entries)})")
    return state


def _wrapper_key(tree: Mapping[object, object]) -> str | None:
    return next((name for name in WRAPPER_KEYS if isinstance(tree.get(name), Mapping) and tree[name]), None)


def _named_tensors(table: Mapping[object, object]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a mapping; numbers, strings and the like are skipped."""
    for key, value in table.items():
        if isinstance(value, Tensor):
            yield str(key), value.detach()
