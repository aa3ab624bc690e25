"""The loop in the published style computes what the engine computes; so a comparison of their speed is fair."""

import pytest
import torch

from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval import moving_cache
from lipar_eval.bench_arms import measure_arms
from lipar_eval.engine_arms import engine_arms
from lipar_eval.published_loop import PublishedLoop
from lipar_eval.throughput import ForcedMasks
from tests.tiny import moving_square, rendering_preset, tiny_models, tiny_preset

MODELS = tiny_models(tiny_preset(window_frames=4, rope_cap_frames=9))  # frames leave from the second block on
BLOCKS = 5


def worst_error(models: Models, ratio: float) -> float:
    """Relative L2 of x0, of the block with the largest."""
    masks, parameters = ForcedMasks(models), default_parameters(models.preset)
    expected: list[torch.Tensor] = []
    session: EditSession[int] = EditSession(
        models, parameters, force_keep=masks, observer=lambda x0, _: expected.append(x0)
    )
    published = PublishedLoop(models, parameters, masks)
    errors = []
    with masks.use(ratio):
        for block in moving_square(BLOCKS * 12, models.preset).split(12):
            session.push(block, range(12))
            frames, x0 = published.edit(block / 255 if block.dtype == torch.uint8 else block)
            assert frames.shape == block.shape
            errors.append(float((x0 - expected[-1]).norm() / expected[-1].norm()))
    return max(errors)


@pytest.mark.parametrize("ratio", [1, 0.5, 0.1])
def test_x0_is_the_engine_s(ratio):
    """While the cache fills, when its frames move, and when they are rotated back in time."""
    assert worst_error(MODELS, ratio) < 1e-5


def test_a_wrong_rotation_would_show(monkeypatch):
    monkeypatch.setattr(moving_cache, "rotated", lambda x, _: x)
    assert worst_error(MODELS, 0.5) > 1e-4


def test_arms_are_compared_before_they_are_timed():
    """On a CPU four parts of the engine can be replaced; frames without a renderer are compared with nothing."""
    models = tiny_models(rendering_preset())
    names = [arm.name for arm in engine_arms(models)]
    assert names == ["engine", "no folded codec", "full clean pass", "no renderer", "no buckets"]
    ours, *replaced, published = measure_arms(models, 0.5, 2)
    assert (ours.name, ours.times_ours, published.name) == ("engine", 1, "published style")
    assert [arm.name for arm in replaced] == names[1:]
    assert all(0 < arm.gate.error < 1e-5 for arm in (ours, *replaced))
    assert published.gate.error == 0
