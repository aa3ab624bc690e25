"""Mutated files: no crash, one line if rejected, no files left behind, and visible damage is reported."""

import collections
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.cli.video.edit_worker import EditWorker
from tests.cli.video.mutations import SIZE, make_seeds, mutate
from tests.cli.video.video_files import Picture, rewrite

FEW, MANY = 30, 400
FAILED_BEFORE = (45, 54, 82)  # half a JPEG, a VP8 stream without its keyframe, an AVI of odd time base
MAX_ERROR = 45.0  # levels of 255, in the mean over a picture: colour tags and palettes may have been hit, too


@pytest.fixture(scope="module")
def seeds(tmp_path_factory) -> list[Path]:
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def worker() -> Iterator[EditWorker]:
    with EditWorker() as worker:
        yield worker


def shown_by_a_player(path: Path) -> list[Picture]:
    """All frames that FFmpeg decodes, ignoring errors, without orientation."""
    pictures: list[Picture] = []
    with av.open(str(path), metadata_errors="replace") as container:
        packets = container.demux(container.streams.video)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return pictures
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            pictures += [frame.reformat(*SIZE, format="rgb24").to_ndarray() for frame in frames]


def turned(picture: Picture) -> list[Picture]:
    """In all orientations of the same shape."""
    return [picture, picture[::-1], picture[:, ::-1], picture[::-1, ::-1]]


def error_of(picture: Picture, references: list[Picture]) -> float:
    return min(float(np.abs(picture.astype(np.int16) - one).mean()) for one in references)


def check(number: int, seeds: list[Path], worker: EditWorker, preset: Path, folder: Path) -> str:
    """Edit one mutated file; returns the outcome."""
    seed = seeds[number % len(seeds)]
    source, out = folder / f"in{seed.suffix}", folder / "out" / "out.mkv"
    out.parent.mkdir()
    source.write_bytes(mutate(seed.read_bytes(), number))
    code, _, error_text = worker.run("edit", source, "-o", out, "-p", "x", "--preset", preset)
    assert "Traceback" not in error_text, error_text
    assert "returned " not in error_text, error_text  # FFmpeg's numbers are no words
    if code:
        assert (code, error_text.count("\n")) == (2, 1), error_text
        assert error_text.startswith("lipar: "), error_text
        assert list(out.parent.iterdir()) == []
        return "rejected"
    assert [path.name for path in out.parent.iterdir()] == ["out.mkv"]
    assert shown_by_a_player(out)
    notes = rewrite(source, folder / "rewritten.mkv", size=SIZE)
    if "damaged frame" in notes or "0 damaged packets" not in notes:
        return "edited, damage output_text"
    references = [other for one in shown_by_a_player(source) for other in turned(one)]
    for picture in shown_by_a_player(folder / "rewritten.mkv"):
        assert error_of(picture, references) < MAX_ERROR
    return "edited"


def check_all(
    numbers: Iterable[int], seeds: list[Path], worker: EditWorker, preset: Path, folder: Path
) -> dict[str, int]:
    """Counts the outcomes of mutated files and lists the failures."""
    outcomes: collections.Counter[str] = collections.Counter()
    failed: list[str] = []
    for number in numbers:
        place = folder / str(number)
        place.mkdir()
        try:
            outcomes[check(number, seeds, worker, preset, place)] += 1
        except AssertionError as error:
            failed.append(f"{number}, of {seeds[number % len(seeds)].name}: {str(error)[:2000]}")
    assert not failed, "\n".join(failed)
    return outcomes


def test_a_few_mutated_files(seeds, worker, preset, tmp_path):
    outcomes = check_all((*range(FEW), *FAILED_BEFORE), seeds, worker, preset, tmp_path)
    assert len(outcomes) == 3, outcomes  # all of these can happen, and do


@pytest.mark.soak
def test_many_mutated_files(seeds, worker, preset, tmp_path, capsys):
    outcomes = check_all(range(FEW, FEW + MANY), seeds, worker, preset, tmp_path)
    with capsys.disabled():
        sys.stdout.write(f"{MANY} mutated files: {dict(outcomes)}\n")
