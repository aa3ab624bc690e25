"""What is known of the downloaded files: a JSON table in the weights folder."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lipar_cli.weights.disk import disk_error
from lipar_core.errors import LiparError

NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file as it was when it had been fetched and checked."""

    size: int  # bytes
    sha256: str
    origin: str
    revision: str
    licence: str


class Manifest:
    """The table, kept in its file from `record` on."""

    def __init__(self, folder: Path) -> None:
        """Read the table, which is empty where there is none; raises `LiparError` for a damaged one."""
        self.folder, self.path = folder, folder / NAME
        self.entries: dict[str, Entry] = {}
        try:
            tree = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
            self.entries = {str(target): Entry(**values) for target, values in tree.items()}
        except OSError as error:
            raise LiparError(f"{self.path}: {error.strerror}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise LiparError(f"{self.path}: damaged, remove it; the files are checked again then") from error

    def has(self, target: str) -> bool:
        """Whether the file is there with the size that it had."""
        path = self.folder / target
        return target in self.entries and path.is_file() and path.stat().st_size == self.entries[target].size

    def record(self, target: str, entry: Entry) -> None:
        self.entries[target] = entry
        self._write()

    def forget(self, target: str) -> None:
        if self.entries.pop(target, None):
            self._write()

    def _write(self) -> None:
        tree = {target: asdict(entry) for target, entry in sorted(self.entries.items())}
        new = self.path.with_name(f"{NAME}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
            os.replace(new, self.path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise disk_error(error, self.path) from error
