"""Fetching one file: continued where an earlier run stopped, checked, moved into place when whole."""

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from huggingface_hub.file_download import http_get
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined] # not listed, but public

from lipar_cli.weights.disk import disk_error
from lipar_cli.weights.remote import FAULTS, Remote, Unreachable, cached_sha256, look_up, readable
from lipar_core.errors import LiparError

ATTEMPTS = 3  # without a new byte in between; the client has tried several times before it gives up
PAUSE_S = 1.0
PARTIAL = ".partial"


def fetch(remote: Remote, folder: Path) -> str:
    """Download a file below `folder`; returns its SHA-256. Raises `LiparError`; what has arrived is kept then."""
    target = folder / remote.source.target
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _download(remote, target)
        sha256 = _checked(part, remote)
        os.replace(part, target)
    except OSError as error:
        raise disk_error(error, target) from error
    for stale in target.parent.glob(f"{target.name}.*{PARTIAL}"):
        stale.unlink()
    return sha256


def adopt(path: Path, target: Path) -> str:
    """Put a file of Hugging Face's cache into place, as a link where that can be; returns its SHA-256."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(path.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copyfile(path, target)
    except OSError as error:
        raise disk_error(error, target) from error
    sha256, said = sha256_of(target), cached_sha256(path)
    if said and sha256 != said:
        target.unlink()
        raise LiparError(f"{path}: its SHA-256 is {sha256}, the hub's is {said}: the cache is damaged, remove it")
    return sha256


def sha256_of(path: Path) -> str:
    """Read at the speed of the disk, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(remote: Remote, target: Path) -> Path:
    """All bytes of the file, in a partial one beside its place that is named after the version."""
    failures, arrived = 0, -1
    while True:
        part = target.with_name(f"{target.name}.{_tag(remote)}{PARTIAL}")
        try:
            _append(remote, part)
            return part
        except FAULTS as error:
            fault = readable(error, remote.source)
            if not isinstance(fault, Unreachable):
                raise fault from error
            failures = failures + 1 if part.stat().st_size == arrived else 1
            arrived = part.stat().st_size
            if failures >= ATTEMPTS:
                raise LiparError(f"{fault}; {arrived} bytes are kept, run the command again to go on") from error
        time.sleep(PAUSE_S)
        remote = look_up(remote.source)  # addresses of storage servers expire


def _append(remote: Remote, part: Path) -> None:
    with part.open("ab") as file:
        if file.tell() > remote.size:
            file.truncate(0)
        http_get(
            remote.url,
            file,
            resume_size=file.tell(),
            headers=remote.headers,
            expected_size=remote.size,
            displayed_filename=remote.source.target.rpartition("/")[2],
        )


def _checked(part: Path, remote: Remote) -> str:
    """The checksum; raises `LiparError`, and removes the file, where it is not the server's."""
    size, sha256 = part.stat().st_size, sha256_of(part)
    if size == remote.size and remote.sha256 in (None, sha256):
        return sha256
    part.unlink()
    raise LiparError(
        f"{remote.source.target}: what arrived has {size} bytes and SHA-256 {sha256}, "
        f"the server announced {remote.size} and {remote.sha256}: removed, run the command again"
    )


def _tag(remote: Remote) -> str:
    """What tells the versions of a file apart, as a part of a file name."""
    return hashlib.sha256(f"{remote.sha256} {remote.revision} {remote.size}".encode()).hexdigest()[:12]
