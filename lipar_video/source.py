"""Opens an input: a file, or a pipe that is first copied to a temporary file so that FFmpeg can seek."""

import shutil
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import av
from av.container import InputContainer

from lipar_core.errors import LiparError
from lipar_video.error_text import error_reason


class Source:
    """An input that can be opened more than once."""

    def __init__(self, path: Path, spool_folder: Path) -> None:
        """Raises `LiparError` if the input cannot be read. A pipe is copied completely into `spool_folder`."""
        self.path = path
        self._spool: IO[bytes] | None = None
        try:
            mode = path.stat().st_mode
            if stat.S_ISFIFO(mode):
                self._spool = _copy_pipe(path, spool_folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise LiparError(f"input {path}: no such file") from error
        except (OSError, ValueError) as error:  # for example a name that is too long or has a null byte
            raise LiparError(f"input {path}: cannot be read ({error_reason(error)})") from error
        if stat.S_ISDIR(mode):
            raise LiparError(f"input {path}: is a folder")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise LiparError(f"input {path}: is a device or a socket, not a file or a pipe")
        if self._size() == 0:
            self.close()
            raise LiparError(f"input {path}: the file is empty")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def open(self) -> InputContainer:
        """Raises `LiparError` when FFmpeg cannot read it."""
        # `file:` keeps FFmpeg from parsing the text before a colon as a protocol
        name = f"file:{self.path if self._spool is None else self._spool.name}"
        try:
            return av.open(name, "r", metadata_errors="replace")
        except (av.FFmpegError, ValueError, OSError) as error:
            raise LiparError(f"input {self.path}: not a video file that can be read ({error_reason(error)})") from error

    def _size(self) -> int:
        if self._spool is None:
            return self.path.stat().st_size
        return self._spool.seek(0, 2)


def _copy_pipe(path: Path, folder: Path) -> IO[bytes]:
    """Copy a pipe to a temporary file that is deleted when closed."""
    spool = tempfile.NamedTemporaryFile(dir=folder, prefix=".lipar-", suffix=".pipe")  # noqa: SIM115 (the source closes it)
    try:
        with path.open("rb") as pipe:
            shutil.copyfileobj(pipe, spool)
        spool.flush()
    except BaseException:  # an interrupt too must leave no temporary file
        spool.close()
        raise
    return spool
