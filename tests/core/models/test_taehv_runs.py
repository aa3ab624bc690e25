"""TAEHV's layers joined and run frame by frame, against themselves one by one and all at once."""

import pytest
import torch

from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models import taehv_runs
from lipar_core.models.taehv import TAEHV
from lipar_core.models.taehv_folds import FoldedGrow, FoldedPool
from lipar_core.models.taehv_layers import TGrow, TPool
from lipar_core.models.taehv_runs import run_at_once, run_by_frame
from lipar_core.recorded_run import seeded_weights
from lipar_core.runtime.peak_memory import PeakMemory

SMALL = TAEHVConfig(latent_channels=4, memblocks=1, encoder_width=8, decoder_widths=(16, 8, 8, 8))
PARTS = {"encoder": torch.rand(2, 8, 3, 16, 24), "decoder": torch.randn(2, 3, 4, 3, 5)}


@pytest.fixture
def codec() -> TAEHV:
    codec = TAEHV(SMALL).eval().requires_grad_(False)
    codec.load_state_dict(seeded_weights(codec))
    return codec


@pytest.mark.parametrize("part", [0, 1], ids=list(PARTS))
def test_folded_layers_equal_those_that_they_replace(codec, part):
    """At the picture's borders, too; in a stream's first call and in the next."""
    x, names, plain = list(PARTS.values())[part], list(codec.state_dict()), codec.layers[part]
    codec.fold()
    layers = codec.layers[part]
    assert sum(isinstance(layer, (FoldedGrow, FoldedPool)) for layer in layers) == 3
    assert not any(isinstance(layer, (TGrow, TPool)) for layer in layers)
    assert list(codec.state_dict()) == names
    for run in (run_at_once, run_by_frame):
        past: tuple[torch.Tensor, ...] = ()
        for _ in range(2):
            expected = run_at_once(plain, x, past)
            for value, reference in zip(run(layers, x, past), expected, strict=True):
                torch.testing.assert_close(value, reference, rtol=0, atol=2e-6 * float(reference.abs().max()))
            past = expected[1:]


@pytest.mark.parametrize("part", [0, 1], ids=list(PARTS))
def test_frame_by_frame_is_bit_for_bit_all_at_once(codec, part):
    x, layers = list(PARTS.values())[part], codec.layers[part]
    past = run_at_once(layers, x, ())[1:]
    for before in ((), past):
        for value, reference in zip(run_by_frame(layers, x, before), run_at_once(layers, x, before), strict=True):
            assert torch.equal(value, reference)


def test_only_a_change_of_resolution_is_folded():
    """Elsewhere a joined convolution has as many products or more."""
    codec = TAEHV(
        TAEHVConfig(
            unshuffle=8,
            encoder_time=(2, 2),
            encoder_space=(1, 1),
            decoder_widths=(8, 8, 8),
            decoder_time=(2, 2),
            decoder_space=(1, 1),
        )
    )
    before = codec.layers
    codec.fold()
    assert codec.layers == before


def test_large_frames_on_a_cpu_run_one_by_one(codec, monkeypatch):
    runs = []
    for name in ("run_at_once", "run_by_frame"):
        run = getattr(taehv_runs, name)
        monkeypatch.setattr(taehv_runs, name, lambda *args, run=run: runs.append(run) or run(*args))
    video = PARTS["encoder"]
    with torch.inference_mode():
        for least in (2 * 16 * 24 * 8, 16 * 24 * 8):
            monkeypatch.setattr(taehv_runs, "MIN_FRAME_VALUES", least)
            latents, _ = codec.encode(video)
            codec.decode(latents)
    assert runs == [run_at_once] * 2 + [run_by_frame] * 2
    latents, _ = codec.encode(video)  # with gradients
    assert runs[-1] is run_at_once


def test_large_pictures_run_one_latent_frame_at_a_time(codec, monkeypatch):
    """With the result and the state of a run of all, and less memory; with gradients they stay one run."""
    video = PARTS["encoder"]

    def both() -> tuple[list[torch.Tensor], int]:
        with torch.inference_mode(), PeakMemory() as memory:
            latents, encoder = codec.encode(video)
            frames, decoder = codec.decode(latents)
        return [latents, frames, *encoder.past, *decoder.past], memory.peak

    expected, peak = both()
    monkeypatch.setattr(taehv_runs, "MAX_PART_BYTES", 1)
    values, smaller = both()
    assert smaller < 0.8 * peak
    for value, reference in zip(values, expected, strict=True):
        assert torch.equal(value, reference)
    latents, _ = codec.encode(video)
    assert torch.equal(latents, expected[0])
