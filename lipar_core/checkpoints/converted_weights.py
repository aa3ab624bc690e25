"""Large checkpoints converted once to a safetensors file with our key names, in the dtype that runs.

Later starts memory-map it without any computation. It is written tensor by tensor, so that conversion needs the memory
of one weight.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from lipar_core.checkpoints.checkpoint_file import StateDict, checkpoint_files, read_tensors
from lipar_core.weight_files import converted_folder

Shapes = Mapping[str, torch.Size]
ReadWeight = Callable[[str], torch.Tensor]

log = logging.getLogger(__name__)

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}  # safetensors' names
HEADER_ALIGNMENT = 64  # bytes: the header is padded so that the tensors after it are aligned


def converted_path(source: Path, part: str, dtype: torch.dtype) -> Path:
    """The file for a checkpoint's conversion; it changes when the checkpoint changes."""
    stats = [(path.name, path.stat()) for path in checkpoint_files(source)]
    state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    name = f"{_file_prefix(source, part, dtype)}{_digest(str(state))}.safetensors"
    return converted_folder() / name


def read_converted(source: Path, part: str, dtype: torch.dtype) -> StateDict | None:
    """The converted weights, memory-mapped; None if there are none yet."""
    path = converted_path(source, part, dtype)
    return read_tensors(path) if path.is_file() else None


def convert(source: Path, part: str, dtype: torch.dtype, shapes: Shapes, read: ReadWeight) -> bool:
    """Write the conversion and return True; if it cannot be stored (disk full, read-only folder), log it, return False.

    read: returns one weight in `dtype`; called once per weight, in order.
    """
    path = converted_path(source, part, dtype)
    size = sum(shape.numel() for shape in shapes.values()) * dtype.itemsize
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < 1.05 * size:
            log.warning("%s is converted at every start: %.1f GB free, %.1f needed", source, free / 1e9, size / 1e9)
            return False
        log.info("converting %s to %s, once", source, path)
        _write(path, dtype, shapes, read)
    except OSError as error:
        log.warning("%s is converted at every start: %s: %s", source, path.parent, error.strerror)
        return False
    for stale in path.parent.glob(f"{_file_prefix(source, part, dtype)}*"):
        if stale != path:
            stale.unlink(missing_ok=True)
    return True


def _write(path: Path, dtype: torch.dtype, shapes: Shapes, read: ReadWeight) -> None:
    """Write the file atomically."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
        try:
            file.write(_header(dtype, shapes))
            for name in shapes:
                file.write(read(name).contiguous().flatten().view(torch.uint8).numpy().data)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _header(dtype: torch.dtype, shapes: Shapes) -> bytes:
    """safetensors header: length of the JSON, then the JSON with each tensor's dtype, shape and offsets."""
    table: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + shape.numel() * dtype.itemsize
        table[name] = {"dtype": DTYPES[dtype], "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(table).encode()
    text += b" " * (-(8 + len(text)) % HEADER_ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _file_prefix(source: Path, part: str, dtype: torch.dtype) -> str:
    """The file name prefix shared by all conversions of one checkpoint path."""
    return f"{source.stem}-{part}-{DTYPES[dtype].lower()}-{_digest(str(source.resolve()))}-"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
