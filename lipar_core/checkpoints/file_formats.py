"""Recognises files that are not checkpoints by their first bytes: saved error pages, LFS pointers, archives."""

import re
import zipfile
from pathlib import Path

HEADER_BYTES = 4096
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
PICKLE_MAGIC = b"\x80"  # followed by the protocol number: PyTorch's format before 1.6
ARCHIVES = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
OTHER_FORMATS = {
    b"GGUF": "a GGUF file, whose quantised weights are not supported",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG picture",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a NumPy array",
    b"SQLite format": "an SQLite database",
}
ZIP_MAGIC = b"PK\x03\x04"
TAR_MAGIC = b"ustar"
TAR_OFFSET = 257  # bytes


def is_safetensors(path: Path) -> bool:
    """Whether the file starts like safetensors: the length of the header, then JSON."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and 0 < int.from_bytes(head[:8], "little") < 2**30


def rejection_reason(path: Path) -> str | None:
    """Why the file is not a checkpoint; None if it may be one. Raises `OSError`."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if not head:
        return "is empty"
    if head.startswith(LFS_POINTER):
        return f"is a Git LFS pointer, not the file itself{_lfs_size_text(head)}: run `git lfs pull`, or download it"
    for table in (ARCHIVES, OTHER_FORMATS):
        for magic, name in table.items():
            if head.startswith(magic):
                return f"is {name}, not a checkpoint"
    if head[TAR_OFFSET:].startswith(TAR_MAGIC):
        return "is a tar archive, not a checkpoint"
    if head.startswith(ZIP_MAGIC):
        return _zip_rejection_reason(path)
    if is_safetensors(path) or head.startswith(PICKLE_MAGIC):
        return None
    return _text_rejection_reason(head) or f"is not a checkpoint: it starts with the bytes {head[:8].hex(' ')}"


def _lfs_size_text(head: bytes) -> str:
    size = re.search(rb"^size (\d+)$", head, re.MULTILINE)
    return f" of {int(size[1]) / 1e9:.2f} GB" if size else ""


def _zip_rejection_reason(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return "is damaged, or its download was cut short: the end of the archive is missing"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        return f"is damaged ({error})"
    if any(name.endswith("/constants.pkl") for name in names):
        return "is a TorchScript program, not a state dict"
    if not any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        return "is a zip archive, not a checkpoint"
    return None


def _text_rejection_reason(head: bytes) -> str | None:
    """Describes a text file: usually an error page saved under the checkpoint's name."""
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEADER_BYTES else "ignore").strip()
    except UnicodeDecodeError:
        return None
    if not text or not all(c.isprintable() or c.isspace() for c in text):
        return None
    plain = " ".join(text.split())
    if re.search(r"<(!doctype html|html|head|body|title)\b", plain, re.IGNORECASE) and plain.startswith("<"):
        title = re.search(r"<title>(.*?)</title>", plain, re.IGNORECASE)
        titled = f", titled {title[1].strip()[:80]!r}" if title and title[1].strip() else ""
        return f"is a web page (HTML){titled}, not a checkpoint: the download returned it"
    kind = "XML" if plain.startswith("<") else "JSON" if plain[0] in "{[" else "text"
    return f"is {kind}, not a checkpoint: {plain[:80]!r}"
