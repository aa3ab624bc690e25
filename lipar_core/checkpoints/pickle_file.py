"""Reads the pickled checkpoints of `torch.save`, without running code of the file."""

import argparse
import collections
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lipar_core.checkpoints.checkpoint_paths import one_line
from lipar_core.errors import CheckpointError

# Training checkpoints nest the weights under one of these keys; the first present one is read.
WRAPPER_KEYS = (
    *("generator_ema", "ema", "model_ema", "ema_model", "ema_state_dict", "params_ema"),
    *("generator", "state_dict", "model_state_dict", "model", "module", "params", "weights", "net"),
    *("generator_state_dict", "transformer", "dit", "denoiser", "student"),
)
FORBIDDEN_CLASS = re.compile(r"Unsupported global: GLOBAL (\S+)")  # in the error of `torch.load`


def read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        with torch.serialization.safe_globals(_safe_globals()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the protocol: the error says it
            tree = _unpickle(path)
    except OSError:
        raise
    except Exception as error:  # a damaged file can raise many types in the unpickler
        raise CheckpointError(f"checkpoint {path}: {_pickle_error_text(error)}") from error
    return _find_state_dict(path, tree)


def _unpickle(path: Path) -> object:
    """The unpickled object; only PyTorch's zip archives can be mapped, and `torch.load` decides by the file name."""
    if zipfile.is_zipfile(path) and path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with path.open("rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _pickle_error_text(error: Exception) -> str:
    """PyTorch's own text of an `UnpicklingError` advises to run the file's code."""
    if found := FORBIDDEN_CLASS.search(str(error)):
        return f"holds Python objects beside tensors ({found[1]}); loading them could run code: save the weights only"
    if isinstance(error, pickle.UnpicklingError):
        return "unreadable: damaged, not written by `torch.save`, or with another protocol than its default"
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


def _find_state_dict(path: Path, tree: object) -> dict[str, Tensor]:
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
