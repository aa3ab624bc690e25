"""What a file is that is no checkpoint, told by its first bytes: people give error pages, pointers and archives."""

import re
import zipfile
from pathlib import Path

HEAD_BYTES = 4096
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
PICKLE = b"\x80"  # then the protocol: PyTorch's format before 1.6
ARCHIVES = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
OTHER_FORMATS = {
    b"GGUF": "a GGUF file, whose quantised weights are not read",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG picture",
}
ZIP = b"PK\x03\x04"


def is_safetensors(path: Path) -> bool:
    """Whether the file begins as safetensors does: the length of a header, then JSON."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and 0 < int.from_bytes(head[:8], "little") < 2**30


def reason_to_refuse(path: Path) -> str | None:
    """What the file is, where it is no checkpoint; None where it may be one. Raises `OSError`."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "is empty"
    if head.startswith(LFS_POINTER):
        return f"is a Git LFS pointer, not the file itself{_lfs_size(head)}: run `git lfs pull`, or download it"
    for table in (ARCHIVES, OTHER_FORMATS):
        for magic, name in table.items():
            if head.startswith(magic):
                return f"is {name}, no checkpoint"
    if head.startswith(ZIP):
        return _reason_to_refuse_zip(path)
    if is_safetensors(path) or head.startswith(PICKLE):
        return None
    return _text(head) or f"is no checkpoint: it begins with the bytes {head[:8].hex(' ')}"


def _lfs_size(head: bytes) -> str:
    size = re.search(rb"^size (\d+)$", head, re.MULTILINE)
    return f" of {int(size[1]) / 1e9:.2f} GB" if size else ""


def _reason_to_refuse_zip(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return "is damaged, or its download was cut short: the end of the archive is missing"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        return f"is damaged ({error})"
    if any(name.endswith("/constants.pkl") for name in names):
        return "is a TorchScript program, no table of weights"
    if not any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        return "is a zip archive, no checkpoint"
    return None


def _text(head: bytes) -> str | None:
    """What a text says: an error page that was saved under the checkpoint's name, mostly."""
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES else "ignore").strip()
    except UnicodeDecodeError:
        return None
    if not text or not all(c.isprintable() or c.isspace() for c in text):
        return None
    plain = " ".join(text.split())
    if re.match(r"<(!doctype html|html|head)", plain, re.IGNORECASE):
        title = re.search(r"<title>(.*?)</title>", plain, re.IGNORECASE)
        about = f", titled {title[1].strip()[:80]!r}," if title and title[1].strip() else ""
        return f"is a web page (HTML){about} no checkpoint: the download answered with it"
    kind = "XML" if plain.startswith("<") else "JSON" if plain[0] in "{[" else "text"
    return f"is {kind}, no checkpoint: {plain[:80]!r}"
