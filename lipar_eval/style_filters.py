"""Image filters that the classical styles are made of: colour spaces, edges, smoothing, tone curves."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[Any]  # uint8 [H, W, 3] RGB
Floats = NDArray[np.float32]


def colour(*channels: float) -> Floats:
    return np.array(channels, np.float32)


def to_float(x: Frame) -> Floats:
    return x.astype(np.float32)


def to_bytes(x: NDArray[Any]) -> Frame:
    clipped: Frame = np.clip(x, 0, 255).astype(np.uint8)
    return clipped


def grey_to_rgb(grey: NDArray[Any]) -> Frame:
    return np.repeat(to_bytes(grey)[..., None], 3, axis=-1)


def to_grey(frame: NDArray[Any]) -> Floats:
    return to_float(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def to_lab(frame: Frame) -> Floats:
    return to_float(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB))


def from_lab(lab: Floats) -> Floats:
    return to_float(cv2.cvtColor(to_bytes(lab), cv2.COLOR_LAB2RGB))


def smoothstep(x: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def brighten_shadows(frame: Frame, gamma: float) -> Frame:
    """Brighten the shadows."""
    return cv2.LUT(frame, to_bytes(255 * (np.arange(256) / 255) ** gamma))


def smooth_texture(frame: Frame, times: int, levels: float, reach: float) -> Frame:
    """Smooth texture but keep edges of more than `levels`."""
    for _ in range(times):
        frame = cv2.bilateralFilter(frame, 9, levels, reach)
    return frame


def edge_lines(frame: Frame, sigma: float, low: float, soft: float) -> Floats:
    """Ink in [0, 1] only on the dark side of edges: one line per edge, smoothed along its direction."""
    grey = to_grey(smooth_texture(brighten_shadows(frame, 0.85), 1, 24, 4))
    darker = cv2.GaussianBlur(grey, (0, 0), sigma * 1.7) - cv2.GaussianBlur(grey, (0, 0), sigma)
    return smoothstep(line_integral(darker, *edge_tangent(grey), 3), low, low + soft).astype(np.float32)


def along_edges(frame: Frame, reach: int) -> Floats:
    """Smooth along the edges, like brush strokes."""
    return line_integral(to_float(frame), *edge_tangent(to_grey(frame)), reach)


def edge_tangent(grey: Floats) -> tuple[Floats, Floats]:
    """The direction [H, W] of the least change, x and y; 0 without a direction."""
    dx = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2.2) for product in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    clear = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    length = clear / (clear + 60)
    return np.cos(angle) * length, np.sin(angle) * length


def line_integral(image: Floats, x: Floats, y: Floats, reach: int) -> Floats:
    """Mean of the image along a line of `reach` pixels to both sides of every pixel (line integral convolution)."""
    rows, cols = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    total = image.copy()
    for step in (s for s in range(-reach, reach + 1) if s):
        total += cv2.remap(image, cols + step * x, rows + step * y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return total / np.float32(2 * reach + 1)


def shock_filter(image: Floats, sigma: float) -> Floats:
    """Shock filter: sharpens edges by dilating their light side and eroding their dark side."""
    grey = cv2.GaussianBlur(image.mean(axis=-1), (0, 0), sigma)
    side = np.tanh(cv2.Laplacian(grey, cv2.CV_32F) * 0.9)[..., None]
    kernel = np.ones((3, 3), np.uint8)
    darker = cv2.erode(image, kernel)
    lighter = cv2.dilate(image, kernel)
    pushed: Floats = image + np.maximum(side, 0) * (darker - image) + np.maximum(-side, 0) * (lighter - image)
    return pushed


def soft_steps(x: NDArray[Any], count: int, slope: float) -> NDArray[Any]:
    """Soft posterisation: steps are joined by ramps of `slope` times a step's width on either side."""
    scaled = x / 255 * count
    whole = np.floor(scaled)
    stepped: NDArray[Any] = (whole + smoothstep(scaled - whole, 0.5 - slope, 0.5 + slope)) / count * 255
    return stepped


def by_brightness(grey: NDArray[Any], colours: list[tuple[int, int, int]]) -> NDArray[Any]:
    """Maps grey values to colours by linear interpolation."""
    at = np.linspace(0, 255, len(colours))
    table = np.stack([np.interp(np.arange(0, 256, 0.25), at, channel) for channel in zip(*colours, strict=True)], -1)
    looked_up: Floats = table.astype(np.float32)[(np.clip(grey, 0, 255) * 4 + 0.5).astype(np.int32).clip(max=1023)]
    return looked_up
