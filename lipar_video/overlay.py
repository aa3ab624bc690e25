"""Tints a picture by its keep mask."""

import numpy as np
from numpy.typing import NDArray

COMPUTED, REUSED = (255, 120, 0), (0, 120, 255)  # orange, blue
TINT = 0.3


def tint_by_keep_mask(frame: NDArray[np.uint8], keep: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """frame [H, W, 3] RGB and keep [rows, cols] -> the frame, orange where kept and blue elsewhere."""
    height, width = frame.shape[:2]
    cells = np.where(keep[..., None], COMPUTED, REUSED)
    tint = np.repeat(np.repeat(cells, height // keep.shape[0], axis=0), width // keep.shape[1], axis=1)
    return (frame * (1 - TINT) + tint * TINT).astype(np.uint8)
