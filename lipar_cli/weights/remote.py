"""Metadata of published files, through Hugging Face's client and its environment variables."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, get_hf_file_metadata, get_token, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # not listed, but public

from lipar_cli.weights.sources import Source
from lipar_core.errors import LiparError, one_line

SHA256 = re.compile(r"[0-9a-f]{64}")
TIMEOUT_S = 10.0
DOWNLOAD_ERRORS = (httpx2.HTTPError, OfflineModeIsEnabled, EntryNotFoundError, FileMetadataError)


class Unreachable(LiparError):
    """A connection or server error that may be temporary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file that can be downloaded."""

    source: Source
    url: str
    headers: dict[str, str]
    size: int  # bytes
    sha256: str | None  # None if the server does not report it
    revision: str  # commit hash or ETag


def look_up(source: Source) -> RemoteFile:
    """Query size, checksum and address; raises `LiparError` in one line."""
    try:
        return _hub_file(source) if source.repo else _plain_file(source)
    except DOWNLOAD_ERRORS as error:
        raise user_error(error, source) from error


def _hub_file(source: Source) -> RemoteFile:
    url = hf_hub_url(source.repo, source.path)
    token = get_token()
    metadata = get_hf_file_metadata(url, token=token, timeout=TIMEOUT_S)
    if metadata.size is None or metadata.etag is None:
        raise FileMetadataError("the server does not report the file's size")
    same_host = urlsplit(metadata.location).netloc == urlsplit(constants.ENDPOINT).netloc
    headers = build_hf_headers(token=token if same_host else False)  # the token must not be sent to a storage server
    sha256 = metadata.etag if SHA256.fullmatch(metadata.etag) else None
    return RemoteFile(
        source=source,
        url=metadata.location,
        headers=headers,
        size=metadata.size,
        sha256=sha256,
        revision=metadata.commit_hash or metadata.etag,
    )


def _plain_file(source: Source) -> RemoteFile:
    if constants.is_offline_mode():
        raise OfflineModeIsEnabled("offline mode")
    reply = httpx2.head(source.url, follow_redirects=True, timeout=TIMEOUT_S, headers={"Accept-Encoding": "identity"})
    reply.raise_for_status()
    if not reply.headers.get("Content-Length", "").isdigit():
        raise FileMetadataError("the server does not report the file's size")
    return RemoteFile(
        source=source,
        url=source.url,
        headers={},
        size=int(reply.headers["Content-Length"]),
        sha256=None,
        revision=reply.headers.get("ETag", "").strip('W/"'),
    )


def cached_file(source: Source) -> Path | None:
    """The file in Hugging Face's cache, or None."""
    cached = try_to_load_from_cache(source.repo, source.path) if source.repo else None
    return Path(cached) if isinstance(cached, str) else None


def cached_sha256(path: Path) -> str | None:
    """The hub's checksum of a cached file: the name of the blob that the cache entry links to."""
    name = path.resolve().name
    return name if SHA256.fullmatch(name) else None


def user_error(error: Exception, source: Source) -> LiparError:
    """The error as one line that says what to do."""
    about = f"{source.target} from {source.origin}"
    status = _status(error)
    if isinstance(error, OfflineModeIsEnabled):
        return LiparError(f"{about}: HF_HUB_OFFLINE is set and the file is not in the cache")
    if isinstance(error, GatedRepoError) or status in (401, 403):
        return LiparError(f"{about}: the server denied access ({status}); set HF_TOKEN to a token with read access")
    if isinstance(error, (RepositoryNotFoundError, EntryNotFoundError)) or status == 404:
        return LiparError(f"{about}: the file does not exist on the server (404)")
    if status is not None and status < 500:
        return LiparError(f"{about}: the server answered {status}")
    if status is not None:
        return Unreachable(f"{about}: the server answered {status}; run the command again later")
    if isinstance(error, FileMetadataError):
        return LiparError(f"{about}: {one_line(error)}")
    server, variable = (constants.ENDPOINT, "HF_ENDPOINT") if source.repo else (source.url, "LIPAR_TAEHV_URL")
    return Unreachable(
        f"{about}: the connection to {server} failed ({one_line(error) or type(error).__name__}); "
        f"{variable} can name a mirror"
    )


def _status(error: Exception) -> int | None:
    if isinstance(error, (HfHubHTTPError, httpx2.HTTPStatusError)):
        return error.response.status_code
    return None
