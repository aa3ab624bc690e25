"""Disk errors as one-line user errors."""

import errno
import shutil
from pathlib import Path

from lipar_core.errors import LiparError, one_line


def disk_error(error: OSError, path: Path) -> LiparError:
    """The error for a file that could not be written."""
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(path.parent).free
        return LiparError(f"{path}: the disk is full ({free / 1e9:.2f} GB free); the partial download is kept")
    return LiparError(f"{path}: {error.strerror or one_line(error)}")
