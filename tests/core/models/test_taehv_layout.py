"""Channels last: equal results, and the choice by time."""

import pytest
import torch

from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_core.models.taehv_layout import choose_layout
from tests.tiny import tiny_preset

CPU = torch.device("cpu")
STREAM = tiny_preset().stream


@pytest.mark.parametrize(("last_ms", "chosen"), [(9.0, torch.channels_last), (9.9, torch.contiguous_format)])
def test_the_faster_layout_is_chosen_and_gives_the_same(last_ms, chosen):
    """Of published TAEHV, whose joined layers have weights of their own; a small gain does not count."""
    torch.manual_seed(0)
    codec = TAEHV(TAEHVConfig())
    codec.fold()
    frames = torch.rand(1, 4, 3, STREAM.height, STREAM.width)
    with torch.inference_mode():
        latents, _ = codec.encode(frames)
        expected, _ = codec.decode(latents)
        times = iter((last_ms, 10.0))
        assert choose_layout(codec, STREAM, CPU, torch.float32, lambda work, _: work() or next(times)) is chosen
        torch.testing.assert_close(codec.encode(frames)[0], latents, rtol=0, atol=1e-5 * float(latents.abs().max()))
        torch.testing.assert_close(codec.decode(latents)[0], expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    weights = [value for value in codec.parameters() if value.dim() == 4 and min(value.shape[1:]) > 1]
    grown = next(layer for layer in codec.layers[1] if hasattr(layer, "weights")).weights[0, 1]
    assert all(value.is_contiguous(memory_format=chosen) for value in (*weights, grown))
