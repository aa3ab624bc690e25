"""Clips, a preset and codecs to train on."""

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from lipar_core.config import Preset
from lipar_core.models.taehv import TAEHV
from tests.tiny import tiny_preset
from tests.training.tiny_recipe import LAYOUT, PLAIN
from training.codec import as_tensor
from training.pca_codec import start_as_pca
from training.renderer import codec_like


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """Smooth, slowly changing colours."""
    rng = np.random.default_rng(0)
    y, x, t = np.mgrid[0:64, 0:96, 0:12]
    samples = []
    for _ in range(6):
        fx, fy, ft, phase = rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.12), rng.uniform(0, 0.3), rng.uniform(0, 6, 3)
        waves = [np.sin(fx * x + fy * y + ft * t + p) for p in phase]
        samples.append(((np.stack(waves, axis=-1) * 0.4 + 0.5) * 255).astype(np.uint8).transpose(2, 0, 1, 3).copy())
    return samples


@pytest.fixture(scope="module")
def preset() -> Preset:
    base = tiny_preset(block_frames=1, window_frames=3)
    return replace(base, codec=LAYOUT, transformer=replace(base.transformer, channels=40))


@pytest.fixture(scope="module")
def plain(clips) -> TAEHV:
    torch.manual_seed(0)
    codec = TAEHV(PLAIN).requires_grad_(False)
    start_as_pca(codec, torch.cat([as_tensor(clip) for clip in clips]))
    return codec


@pytest.fixture(scope="module")
def codec(plain) -> TAEHV:
    torch.manual_seed(0)
    return codec_like(LAYOUT, plain).requires_grad_(False)
