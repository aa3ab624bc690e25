"""The clip that the evaluation is tested on."""

import numpy as np
import pytest
import torch

from lipar_eval.clips import Clip
from tests.cli.clips import picture

FRAMES = 16


@pytest.fixture(scope="module")
def square() -> Clip:
    """A bright square moving over a static gradient, on 9x16 tokens."""
    frames = np.stack([picture(i, 256, 144) for i in range(FRAMES)])
    return Clip("square", torch.from_numpy(frames).permute(0, 3, 1, 2))
