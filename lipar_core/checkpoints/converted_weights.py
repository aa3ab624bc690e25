"""Large checkpoints converted once to a safetensors file with our key names, in the dtype that runs.

Later starts memory-map it without any computation. It is written by groups of rows, so that conversion takes little
memory.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import torch

from lipar_core.checkpoints.checkpoint_file import StateDict, read_tensors
from lipar_core.checkpoints.checkpoint_paths import checkpoint_files
from lipar_core.load_progress import report_load_progress
from lipar_core.weight_files import converted_folder

Layout = Mapping[str, torch.Tensor]  # shape and dtype of each weight, on the meta device
ReadWeight = Callable[[str], Iterable[torch.Tensor]]  # the rows of a weight in its dtype, in order

log = logging.getLogger(__name__)

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int8: "I8"}  # safetensors' names
PARTIAL = ".partial"  # suffix of a file that is being written
ABANDONED_S = 120.0  # a partial file that was not written to for so long belongs to a process that was killed
HEADER_ALIGNMENT = 64  # bytes: the header is padded so that the tensors after it are aligned


def converted_path(source: Path, part: str, dtype: torch.dtype) -> Path:
    """The file for a checkpoint's conversion; it changes when the checkpoint changes."""
    stats = [(path.name, path.stat()) for path in checkpoint_files(source)]
    state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    name = f"{_file_prefix(source, part, dtype)}{_digest(str(state))}.safetensors"
    return converted_folder() / name


def converted_weights(
    source: Path, part: str, dtype: torch.dtype, layout: Layout, read: ReadWeight
) -> StateDict | None:
    """The conversion to `dtype`, memory-mapped, made first if there is none; None if it cannot be stored."""
    path = converted_path(source, part, dtype)
    _remove_abandoned(path.parent)
    if path.is_file() or _convert(source, path, f"{_file_prefix(source, part, dtype)}*", layout, read):
        return read_tensors(path)
    return None


def _convert(source: Path, path: Path, all_conversions: str, layout: Layout, read: ReadWeight) -> bool:
    """Write the conversion and return True; if it cannot be stored (disk full, read-only folder), log it, return False.

    Earlier conversions, which match the pattern, are deleted.
    """
    size = sum(value.nbytes for value in layout.values())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < 1.05 * size:
            log.warning("%s is converted at every start: %.1f GB free, %.1f needed", source, free / 1e9, size / 1e9)
            return False
        log.info("converting %s to %s, once", source, path)
        write_safetensors(path, layout, _with_progress(source, size, read))
    except OSError as error:
        log.warning("%s is converted at every start: %s: %s", source, path.parent, error.strerror)
        return False
    for stale in path.parent.glob(all_conversions):
        if stale != path:
            stale.unlink(missing_ok=True)
    return True


def _with_progress(source: Path, size: int, read: ReadWeight) -> ReadWeight:
    """`read`, which also reports the ratio of the `size` bytes that have been read."""
    done = 0

    def rows(name: str) -> Iterator[torch.Tensor]:
        nonlocal done
        for value in read(name):
            report_load_progress(f"converting {source.name}, once: {100 * done / size:.0f} %")
            yield value
            done += value.nbytes

    return rows


def _remove_abandoned(folder: Path) -> None:
    """Delete what conversions have left that were killed, up to the size of a checkpoint each."""
    for path in folder.glob(f"*{PARTIAL}"):
        with contextlib.suppress(OSError):  # another process has removed it, or the folder is read-only
            if time.time() - path.stat().st_mtime > ABANDONED_S:
                path.unlink()


def write_safetensors(path: Path, layout: Layout, read: ReadWeight) -> None:
    """Write a safetensors file atomically, by groups of rows."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=PARTIAL, delete=False) as file:
        try:
            file.write(_header(layout))
            for name in layout:
                for rows in read(name):
                    file.write(rows.contiguous().flatten().view(torch.uint8).numpy().data)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:  # an interrupt too must leave no partial file
            Path(file.name).unlink(missing_ok=True)  # after `os.replace` there is none
            raise


def _header(layout: Layout) -> bytes:
    """safetensors header: length of the JSON, then the JSON with each tensor's dtype, shape and offsets."""
    table: dict[str, object] = {}
    end = 0
    for name, value in layout.items():
        begin, end = end, end + value.nbytes
        table[name] = {"dtype": DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [begin, end]}
    text = json.dumps(table).encode()
    text += b" " * (-(8 + len(text)) % HEADER_ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _file_prefix(source: Path, part: str, dtype: torch.dtype) -> str:
    """The file name prefix shared by all conversions of one checkpoint path."""
    return f"{source.stem}-{part}-{DTYPES[dtype].lower()}-{_digest(str(source.resolve()))}-"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
