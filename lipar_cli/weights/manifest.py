"""The manifest of the downloaded files: a JSON file in the weights folder."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lipar_cli.weights.disk import disk_error
from lipar_core.errors import LiparError

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestEntry:
    """A file as it was when it was downloaded and verified."""

    size: int  # bytes
    sha256: str
    origin: str
    revision: str
    licence: str


class Manifest:
    """The manifest; `record` and `remove` write it to disk."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest (empty if the file does not exist); raises `LiparError` for a damaged one."""
        self.folder = folder
        self.path = folder / MANIFEST_NAME
        self.entries: dict[str, ManifestEntry] = {}
        try:
            tree = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
            self.entries = {str(target): ManifestEntry(**values) for target, values in tree.items()}
        except OSError as error:
            raise LiparError(f"{self.path}: {error.strerror}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise LiparError(f"{self.path}: damaged, remove it; the files are checked again then") from error

    def has(self, target: str) -> bool:
        """Whether the file exists with its recorded size."""
        path = self.folder / target
        return target in self.entries and path.is_file() and path.stat().st_size == self.entries[target].size

    def record(self, target: str, entry: ManifestEntry) -> None:
        self.entries[target] = entry
        self._write()

    def remove(self, target: str) -> None:
        if self.entries.pop(target, None):
            self._write()

    def _write(self) -> None:
        tree = {target: asdict(entry) for target, entry in sorted(self.entries.items())}
        new = self.path.with_name(f"{MANIFEST_NAME}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
            os.replace(new, self.path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise disk_error(error, self.path) from error
