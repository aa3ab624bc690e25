"""Sessions of different sizes share one set of models."""

import pytest
import torch
from torch import Tensor

from lipar_core.errors import LiparError, ParameterError
from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from lipar_core.stream.output import EditedFrames, join_frames
from tests.tiny import moving_square, tiny_models, tiny_preset, with_stream

PRESET = tiny_preset(sizes=((96, 64), (64, 96), (128, 80)))
MODELS = tiny_models(PRESET)
SETTINGS = Parameters(prompt="a pencil sketch", pruning=Pruning(detector="anchor", threshold=6))
STEP = 12  # frames per push: a block
COUNT = 4 * STEP


def session(size: str | None, models: Models = MODELS) -> EditSession[int]:
    return EditSession(models, SETTINGS, size=size)


def clip(width: int, height: int) -> Tensor:
    return moving_square(COUNT, with_stream(PRESET, width=width, height=height))


def edit(one: EditSession[int], frames: Tensor) -> EditedFrames[int]:
    pushed = [one.push(frames[at : at + STEP], range(at, at + STEP)) for at in range(0, COUNT, STEP)]
    return join_frames([*pushed, one.flush()])


def test_interleaved_sessions_of_different_sizes_equal_their_own_runs():
    sizes = {"96x64": clip(96, 64), "64x96": clip(64, 96), "128x80": clip(128, 80)}
    sessions = {size: session(size) for size in sizes}
    parts: dict[str, list[EditedFrames[int]]] = {size: [] for size in sizes}
    for at in range(0, COUNT, STEP):
        for size, frames in sizes.items():
            parts[size].append(sessions[size].push(frames[at : at + STEP], range(at, at + STEP)))
    for size, frames in sizes.items():
        together = join_frames([*parts[size], sessions[size].flush()])
        alone = edit(session(size), frames)
        assert torch.equal(together.frames, alone.frames)
        assert torch.equal(together.keep, alone.keep)
        assert together.frames.shape == frames.shape
        assert 0 < together.keep[STEP:].float().mean() < 1


def test_a_size_is_that_of_models_with_this_default():
    tall = tiny_models(with_stream(PRESET, width=64, height=96))
    assert torch.equal(edit(session("64x96"), clip(64, 96)).frames, edit(session(None, tall), clip(64, 96)).frames)


def test_a_reset_keeps_the_size():
    one = session("64x96")
    expected = edit(one, clip(64, 96)).frames  # `flush` has ended the stream
    one.push(clip(64, 96)[:STEP], range(STEP))
    one.reset()
    again = join_frames([one.push(clip(64, 96), range(COUNT)), one.flush()])
    assert torch.equal(again.frames[-COUNT:], expected)


def test_frames_of_another_size_are_rejected():
    with pytest.raises(LiparError, match=r"must be \[N, 3, 96, 64\]"):
        session("64x96").push(clip(96, 64), range(COUNT))


def test_a_size_that_the_preset_does_not_have_is_rejected():
    with pytest.raises(ParameterError, match="size = '64x64': preset test has 96x64, 64x96, 128x80"):
        session("64x64")
