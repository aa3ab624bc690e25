"""What decoding and encoding in threads beside the model gains: `lipar edit` of a clip with and without, in turns.

python -m benchmarks.overlap CLIP [ROUNDS [FLAGS OF lipar edit ...]]
"""

import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from unittest import mock

from lipar_cli.main import main

Items = Iterable[object]


class CalledAtOnce:
    """Stands in for `WriteBehind`: every call is made where it is asked for."""

    def call(self, work: Callable[[], None]) -> None:
        work()


@contextlib.contextmanager
def one_after_the_other() -> Iterator[None]:
    def read(items: Items, _: int) -> AbstractContextManager[Items]:
        return nullcontext(items)

    with (
        mock.patch("lipar_cli.video.background_io.ReadAhead", read),
        mock.patch("lipar_cli.video.background_io.WriteBehind", return_value=nullcontext(CalledAtOnce())),
    ):
        yield


def seconds(clip: str, folder: Path, flags: Sequence[str]) -> float:
    command = ["edit", clip, "-o", str(folder / "out.mp4"), "-p", "a pencil sketch", "--preset", "tiny", *flags]
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as complaint:
        code = main(command)
    if code:
        raise RuntimeError(complaint.getvalue())
    return time.perf_counter() - started


def measure(clip: str, rounds: int, flags: Sequence[str]) -> None:
    arms = {"one after the other": one_after_the_other, "in threads": nullcontext}
    took: dict[str, list[float]] = {name: [] for name in arms}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, arm in arms.items():
                with arm():
                    found = seconds(clip, Path(folder), flags)
                if number:  # the first round warms up
                    took[name].append(found)
    for name, values in took.items():
        print(f"{name}: median {statistics.median(values):.2f} s of {', '.join(f'{value:.2f}' for value in values)}")


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5, sys.argv[3:])
