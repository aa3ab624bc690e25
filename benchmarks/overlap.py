"""The gain of decoding and encoding in threads: `lipar edit` of a clip with and without them, interleaved.

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


class ImmediateCalls:
    """Replaces `WriteBehind`: calls every function immediately."""

    def call(self, work: Callable[[], None]) -> None:
        work()


@contextlib.contextmanager
def without_threads() -> Iterator[None]:
    def read(items: Items, _: int) -> AbstractContextManager[Items]:
        return nullcontext(items)

    with (
        mock.patch("lipar_video.background_io.ReadAhead", read),
        mock.patch("lipar_video.background_io.WriteBehind", return_value=nullcontext(ImmediateCalls())),
    ):
        yield


def seconds(clip: str, folder: Path, flags: Sequence[str]) -> float:
    command = ["edit", clip, "-o", str(folder / "out.mp4"), "-p", "a pencil sketch", "--preset", "tiny", *flags]
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
        code = main(command)
    if code:
        raise RuntimeError(errors.getvalue())
    return time.perf_counter() - started


def measure(clip: str, rounds: int, flags: Sequence[str]) -> None:
    variants = {"without threads": without_threads, "with threads": nullcontext}
    durations: dict[str, list[float]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, variant in variants.items():
                with variant():
                    duration = seconds(clip, Path(folder), flags)
                if number:  # the first round warms up
                    durations[name].append(duration)
    for name, values in durations.items():
        print(f"{name}: median {statistics.median(values):.2f} s of {', '.join(f'{value:.2f}' for value in values)}")


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5, sys.argv[3:])
