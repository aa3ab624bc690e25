"""The output file: written under a temporary name in the same folder and renamed when complete."""

import os
import secrets
import stat
from pathlib import Path

from lipar_core.errors import LiparError
from lipar_video.error_text import error_reason


class OutputFile:
    """A file that appears complete or not at all. The temporary file's name is unique to this run."""

    def __init__(self, path: Path) -> None:
        """Raises `LiparError` if the file cannot be created."""
        self.path = path
        try:
            self.target = path.resolve()  # a symbolic link is kept
            self._mode = self._existing_mode()
            if not self.target.parent.is_dir():
                raise LiparError(f"output {path}: the folder {path.parent} does not exist")
            # not derived from the output's name, which may be as long as the file system allows
            self.part = self.target.with_name(f".lipar-{secrets.token_hex(6)}.part{path.suffix}")
            os.close(os.open(self.part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
            if isinstance(error, LiparError):
                raise
            raise LiparError(f"output {path}: cannot be written ({error_reason(error)})") from error

    def _existing_mode(self) -> int | None:
        try:
            status = self.target.stat()
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(status.st_mode):
            raise LiparError(f"output {self.path}: is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise LiparError(f"output {self.path}: is not a file")
        if not os.access(self.target, os.W_OK):
            raise LiparError(f"output {self.path}: is write-protected")
        return stat.S_IMODE(status.st_mode)

    def publish(self) -> None:
        """Rename the complete temporary file to the output, keeping the mode of an existing file."""
        if self._mode is not None:
            self.part.chmod(self._mode)
        self.part.replace(self.target)

    def discard(self) -> None:
        self.part.unlink(missing_ok=True)
