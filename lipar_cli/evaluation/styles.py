"""The edits that the tiny model learns: classical image processing on clips of RGB frames.

Every style maps uint8 frames [N, H, W, 3] to frames of the same shape, each frame by itself and without randomness, so
that what is still in the source is still in the target.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[Any]  # uint8 [H, W, 3] RGB: OpenCV's own annotations promise less than it does
Style = Callable[[Frame], Frame]


def apply(name: str, clip: Frame) -> Frame:
    """The clip [N, H, W, 3] in a style."""
    return np.stack([STYLES[name](frame) for frame in clip])


def no_edit(frame: Frame) -> Frame:
    return frame


def pencil_sketch(frame: Frame) -> Frame:
    """Dodge: the grey picture divided by its own blur, so that only strokes stay dark."""
    grey = _grey(frame)
    blur = cv2.GaussianBlur(255 - grey, (0, 0), 5)
    dodge = cv2.divide(grey, 255 - blur, scale=250).astype(np.float32)
    shaded = dodge * 0.8 + grey.astype(np.float32) * 0.2
    return _rgb(np.clip(255 * (shaded / 255) ** 1.6, 0, 255))


def sepia(frame: Frame) -> Frame:
    """Brown tones, as of an old film."""
    grey = _contrast(_grey(frame), 0.9)[..., None] / 255
    return _bytes(grey * np.array([255, 214, 158]) + (1 - grey) * np.array([38, 20, 6]))


def thermal(frame: Frame) -> Frame:
    """A heat camera: brightness as false colour."""
    smooth = cv2.GaussianBlur(_grey(frame), (0, 0), 1.0)
    return cv2.cvtColor(cv2.applyColorMap(smooth, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def night_vision(frame: Frame) -> Frame:
    """A green light amplifier."""
    light = 0.1 + 0.9 * _contrast(_grey(frame), 1.3) / 255
    return _bytes(light[..., None] * np.array([70, 255, 90]))


def neon_edges(frame: Frame) -> Frame:
    """Glowing contours on black, hue by direction."""
    grey = cv2.GaussianBlur(_grey(frame), (0, 0), 1.2).astype(np.float32)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.clip(cv2.magnitude(dx, dy) * 2.2, 0, 255)
    hue = (np.degrees(np.arctan2(np.abs(dy), np.abs(dx))) / 90 * 70 + 85).astype(np.float32)
    hsv = np.stack([hue, np.full_like(hue, 210), strength], axis=-1).astype(np.uint8)
    lines = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    glow = cv2.GaussianBlur(lines, (0, 0), 3).astype(np.float32)
    return _bytes(lines.astype(np.float32) + 0.8 * glow)


def comic(frame: Frame) -> Frame:
    """Flat, saturated colours and black outlines."""
    smooth = frame
    for _ in range(2):
        smooth = cv2.bilateralFilter(smooth, 7, 40, 5)
    hsv = cv2.cvtColor(smooth, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.5, 0, 255)
    hsv[..., 2] = np.clip(_steps(hsv[..., 2], 5) * 1.08, 0, 255)
    flat = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    return _bytes(flat * (1 - 0.9 * _outline(frame, 4.0))[..., None])


def oil_painting(frame: Frame) -> Frame:
    """Patches of even colour with warm, deep tones."""
    smooth = cv2.medianBlur(frame, 5)
    for _ in range(3):
        smooth = cv2.bilateralFilter(smooth, 7, 60, 4)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] = np.clip((lab[..., 0] - 128) * 1.2 + 118, 0, 255)
    lab[..., 1:] = np.clip((lab[..., 1:] - 128) * 1.5 + np.array([130, 134]), 0, 255)
    return cv2.cvtColor(lab.astype(np.uint8), cv2.COLOR_LAB2RGB)


def watercolour(frame: Frame) -> Frame:
    """Pale washes that run into white, darker at their edges."""
    smooth = cv2.edgePreservingFilter(frame, flags=cv2.RECURS_FILTER, sigma_s=20, sigma_r=0.4).astype(np.float32)
    pale = 255 - (255 - smooth) * 0.62
    mean = pale.mean(axis=-1, keepdims=True)
    return _bytes((mean + (pale - mean) * 1.35) * (1 - 0.3 * _outline(frame, 3.0))[..., None])


def cyanotype(frame: Frame) -> Frame:
    """Prussian blue shadows, paper-white lights."""
    return _by_brightness(_contrast(_grey(frame), 1.15), [(8, 26, 84), (34, 92, 166), (150, 192, 222), (246, 250, 250)])


def golden_hour(frame: Frame) -> Frame:
    """Low warm sun: orange lights, teal shadows."""
    x = frame.astype(np.float32) / 255
    light = x.mean(axis=-1, keepdims=True)
    warm = x * np.array([1.25, 1.0, 0.62]) + np.array([0.08, 0.03, 0.0]) * light
    cold = x * np.array([0.75, 0.98, 1.15]) + np.array([0.0, 0.03, 0.06])
    return _bytes(255 * (warm * light + cold * (1 - light)))


def film_noir(frame: Frame) -> Frame:
    """Black and white in hard light."""
    return _rgb(_contrast(_grey(frame), 1.9) * 0.94)


def moonlight(frame: Frame) -> Frame:
    """Day for night: dark, blue, little colour left."""
    x = frame.astype(np.float32) / 255
    light = x.mean(axis=-1, keepdims=True)
    pale = light + (x - light) * 0.35
    return _bytes(255 * pale**1.4 * np.array([0.42, 0.58, 0.95]))


def pop_art(frame: Frame) -> Frame:
    """A screen print of four inks, chosen by brightness."""
    smooth = cv2.bilateralFilter(frame, 7, 50, 5)
    inks = [(64, 16, 120), (226, 32, 110), (252, 176, 32), (255, 246, 190)]
    return _by_brightness(_steps(_contrast(_grey(smooth), 1.2), 4), inks)


def pixel_art(frame: Frame) -> Frame:
    """Large square pixels in few, strong colours."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA).astype(np.float32)
    mean = small.mean(axis=-1, keepdims=True)
    few = _steps(np.clip(mean + (small - mean) * 1.7, 0, 255), 4)
    return cv2.resize(_bytes(few), (width, height), interpolation=cv2.INTER_NEAREST)


def vaporwave(frame: Frame) -> Frame:
    """Violet shadows, pink middles, cyan lights."""
    return _by_brightness(
        _contrast(_grey(frame), 1.1), [(36, 10, 82), (150, 30, 170), (255, 105, 190), (130, 245, 250)]
    )


STYLES: dict[str, Style] = {
    "no edit": no_edit,
    "pencil sketch": pencil_sketch,
    "sepia film": sepia,
    "thermal": thermal,
    "night vision": night_vision,
    "neon": neon_edges,
    "comic": comic,
    "oil painting": oil_painting,
    "watercolour": watercolour,
    "golden hour": golden_hour,
    "cyanotype": cyanotype,
    "film noir": film_noir,
    "moonlight": moonlight,
    "pop art": pop_art,
    "pixel art": pixel_art,
    "vaporwave": vaporwave,
}


def _grey(frame: Frame) -> Frame:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def _bytes(frame: NDArray[Any]) -> Frame:
    clipped: Frame = np.clip(frame, 0, 255).astype(np.uint8)
    return clipped


def _rgb(grey: NDArray[Any]) -> Frame:
    return np.repeat(_bytes(grey)[..., None], 3, axis=-1)


def _contrast(grey: Frame, gain: float) -> NDArray[Any]:
    stretched: NDArray[Any] = np.clip((grey.astype(np.float32) - 128) * gain + 128, 0, 255)
    return stretched


def _by_brightness(grey: NDArray[Any], colours: list[tuple[int, int, int]]) -> Frame:
    """Every grey value as a mix of the two colours it lies between."""
    at = np.linspace(0, 255, len(colours))
    return _bytes(np.stack([np.interp(grey, at, channel) for channel in zip(*colours, strict=True)], axis=-1))


def _steps(x: NDArray[Any], count: int) -> NDArray[Any]:
    """Soft posterisation: steps with slopes between them, so that noise does not flicker across an edge."""
    scaled = x / 255 * count
    whole = np.floor(scaled)
    slope = np.clip((scaled - whole - 0.5) * 3 + 0.5, 0, 1)
    return (whole + slope) / count * 255


def _outline(frame: Frame, gain: float) -> NDArray[Any]:
    """Contours in [0, 1] [H, W]: a difference of Gaussians."""
    grey = _grey(frame).astype(np.float32)
    fine, coarse = cv2.GaussianBlur(grey, (0, 0), 0.9), cv2.GaussianBlur(grey, (0, 0), 2.2)
    lines: NDArray[Any] = np.clip((np.abs(coarse - fine) - 2.0) * gain / 40, 0, 1)
    return lines
