"""Downloads one file: resumes an earlier download, verifies the checksum, then renames into place."""

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from huggingface_hub.file_download import http_get
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined] # not listed, but public

from lipar_cli.weights.disk import disk_error
from lipar_cli.weights.remote import DOWNLOAD_ERRORS, RemoteFile, Unreachable, cached_sha256, look_up, user_error
from lipar_core.errors import LiparError

ATTEMPTS = 3  # without progress; each already includes the client's own retries
RETRY_DELAY_S = 1.0
PARTIAL = ".partial"


def fetch(remote: RemoteFile, folder: Path) -> str:
    """Download a file below `folder`; returns its SHA-256. Raises `LiparError` and keeps the partial file."""
    target = folder / remote.source.target
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _download(remote, target)
        sha256 = _verified_sha256(part, remote)
        os.replace(part, target)
    except OSError as error:
        raise disk_error(error, target) from error
    for stale in target.parent.glob(f"{target.name}.*{PARTIAL}"):
        stale.unlink()
    return sha256


def link_cached_file(path: Path, target: Path) -> str:
    """Hard-link (or copy) a file of Hugging Face's cache into place; returns its SHA-256."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(path.resolve(), target)
        except OSError:  # another file system, or no support for links
            shutil.copyfile(path, target)
    except OSError as error:
        raise disk_error(error, target) from error
    sha256 = sha256_of(target)
    expected = cached_sha256(path)
    if expected and sha256 != expected:
        target.unlink()
        raise LiparError(f"{path}: its SHA-256 is {sha256}, the hub's is {expected}: the cache is damaged, remove it")
    return sha256


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(remote: RemoteFile, target: Path) -> Path:
    """Download all bytes into a partial file, named after the version, in the target's folder."""
    failures = 0
    received = -1
    while True:
        part = target.with_name(f"{target.name}.{_version_tag(remote)}{PARTIAL}")
        try:
            _append(remote, part)
            return part
        except DOWNLOAD_ERRORS as error:
            translated = user_error(error, remote.source)
            if not isinstance(translated, Unreachable):
                raise translated from error
            failures = failures + 1 if part.stat().st_size == received else 1
            received = part.stat().st_size
            if failures >= ATTEMPTS:
                raise LiparError(f"{translated}; {received} bytes are kept, run the command again to resume") from error
        time.sleep(RETRY_DELAY_S)
        remote = look_up(remote.source)  # addresses of storage servers expire


def _append(remote: RemoteFile, part: Path) -> None:
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


def _verified_sha256(part: Path, remote: RemoteFile) -> str:
    """The file's SHA-256; if it is not the server's, removes the file and raises `LiparError`."""
    size = part.stat().st_size
    sha256 = sha256_of(part)
    if size == remote.size and remote.sha256 in (None, sha256):
        return sha256
    part.unlink()
    raise LiparError(
        f"{remote.source.target}: the download has {size} bytes and SHA-256 {sha256}, "
        f"the server announced {remote.size} and {remote.sha256}: removed, run the command again"
    )


def _version_tag(remote: RemoteFile) -> str:
    """Identifies a version of a file, for use in file names."""
    return hashlib.sha256(f"{remote.sha256} {remote.revision} {remote.size}".encode()).hexdigest()[:12]
