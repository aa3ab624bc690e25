"""Classical styles: image processing on single RGB frames that the tiny model learns and is compared with.

Every frame is processed independently and without randomness, all thresholds are soft, and texture is smoothed before
lines are drawn: static regions of the source are static in the target, despite noise. Lengths are in pixels.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[Any]  # uint8 [H, W, 3] RGB
Floats = NDArray[np.float32]
StyleFunction = Callable[[Frame], Frame]

REACH = 16  # pixels: radius of influence of the filters: a crop with this margin is styled like the whole frame


def no_edit(frame: Frame) -> Frame:
    return frame


def pencil_sketch(frame: Frame) -> Frame:
    """Graphite: soft shading from a dodge of the smoothed picture, and one line for each edge."""
    grey = _grey(_flatten(_lift(frame, 0.8), 1, 18, 3))
    dodge = np.clip(grey / (cv2.GaussianBlur(grey, (0, 0), 6) + 4), 0, 1)
    shade = 0.66 + 0.34 * (grey / 255) ** 0.8
    paper = (0.16 + 0.84 * dodge**1.6 * shade)[..., None] * _colour(252, 250, 246)  # graphite is never black
    return _bytes(paper * (1 - 0.72 * _lines(frame, 1.1, 1.4, 8.0))[..., None] + 10)


def comic(frame: Frame) -> Frame:
    """Flat, saturated colours and one dark line for each edge."""
    lab = _lab(_flatten(_lift(frame, 0.72), 2, 30, 5))
    lab[..., 0] = 0.35 * lab[..., 0] + 0.65 * _steps(lab[..., 0], 5, 0.3)
    lab[..., 1:] = 128 + (lab[..., 1:] - 128) * 1.5
    ink = _lines(frame, 1.2, 1.6, 7.0)
    return _bytes(_from_lab(lab) * (1 - 0.87 * ink)[..., None])


def watercolour(frame: Frame) -> Frame:
    """Pale washes on white paper, pigment gathered at their edges."""
    smooth = _along_edges(_flatten(_lift(frame, 0.68), 2, 34, 6), 5)
    mean = smooth.mean(axis=-1, keepdims=True)
    washed = 252 - (255 - (mean + (smooth - mean) * 1.5)) * 0.64
    rim = _lines(frame, 2.0, 0.8, 12.0)
    return _bytes(washed - rim[..., None] * (262 - washed) * 0.5 - rim[..., None] * _colour(26, 22, 10))


def oil_painting(frame: Frame) -> Frame:
    """Strokes that follow the edges, their borders sharpened, in warm deep tones."""
    paint = _along_edges(_flatten(_lift(frame, 0.74), 1, 34, 4), 5)
    for _ in range(2):
        paint = _shock(paint, 1.6)
    lab = _lab(_bytes(cv2.GaussianBlur(paint, (0, 0), 0.7)))
    lab[..., 0] = np.clip((lab[..., 0] - 128) * 1.08 + 118, 0, 255)
    lab[..., 1:] = (lab[..., 1:] - 128) * 1.25 + _colour(131, 136)
    return _bytes(_from_lab(lab))


def neon(frame: Frame) -> Frame:
    """Glowing contours over a dim violet picture, pink or cyan by direction."""
    grey = cv2.GaussianBlur(_grey(_flatten(_lift(frame, 0.7), 2, 32, 5)), (0, 0), 1.1)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    slope = cv2.magnitude(dx, dy)
    upright = (np.abs(dx) / (slope + 8))[..., None]
    line = upright * _colour(40, 235, 255) + (1 - upright) * _colour(255, 50, 215)
    line *= _smoothstep(slope, 14, 110)[..., None]
    under = grey[..., None] / 255 * _colour(58, 34, 105) + _colour(6, 2, 16)
    return _bytes(under + line + 0.9 * cv2.GaussianBlur(line, (0, 0), 4))


def pop_art(frame: Frame) -> Frame:
    """A screen print of four inks, chosen by brightness, with a dark outline."""
    grey = _grey(_flatten(_lift(frame, 0.85), 2, 40, 5))
    level = _steps(np.clip((grey - 128) * 1.2 + 132, 0, 255), 3, 0.12)
    inks = [(28, 34, 130), (236, 44, 128), (255, 196, 44), (255, 248, 226)]
    return _bytes(_by_brightness(level, inks) * (1 - 0.7 * _lines(frame, 1.4, 2.0, 8.0))[..., None])


def pixel_art(frame: Frame) -> Frame:
    """Large square pixels in few, strong colours."""
    height, width = frame.shape[:2]
    small = cv2.resize(_lift(frame, 0.85), (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    lab = _lab(small)
    lab[..., 0] = 0.3 * lab[..., 0] + 0.7 * _steps(lab[..., 0], 6, 0.3)
    lab[..., 1:] = 128 + (lab[..., 1:] - 128) * 1.6
    return cv2.resize(_bytes(_from_lab(lab)), (width, height), interpolation=cv2.INTER_NEAREST)


def golden_hour(frame: Frame) -> Frame:
    """Low warm sun: orange lights, teal shadows, a soft bloom."""
    x = _float(_lift(frame, 0.92)) / 255
    light = x.mean(axis=-1, keepdims=True)
    warm = x * _colour(1.25, 1.02, 0.7) + _colour(0.08, 0.03, 0.0) * light
    cold = x * _colour(0.75, 0.98, 1.12) + _colour(0.02, 0.03, 0.06)
    mixed = warm * light + cold * (1 - light)
    bloom = cv2.GaussianBlur(np.clip(light - 0.6, 0, 1), (0, 0), 6)[..., None]
    return _bytes(255 * (1.03 * mixed + bloom * _colour(0.35, 0.28, 0.2)))


def film_noir(frame: Frame) -> Frame:
    """Black and white in hard light."""
    grey = _grey(frame) / 255
    return _rgb(255 * (0.25 * grey + 0.75 * _smoothstep(grey, 0.08, 0.86)) ** 1.05)


def sepia_film(frame: Frame) -> Frame:
    """Brown tones of an old film, blacks faded."""
    grey = cv2.GaussianBlur(_grey(_lift(frame, 0.9)), (0, 0), 0.7)
    return _bytes(_by_brightness(grey, [(44, 26, 14), (120, 82, 50), (204, 164, 112), (255, 236, 196)]))


def cyanotype(frame: Frame) -> Frame:
    """Prussian blue shadows, paper-white lights."""
    grey = np.clip((_grey(_lift(frame, 0.85)) - 128) * 1.15 + 128, 0, 255)
    return _bytes(_by_brightness(grey, [(8, 26, 84), (34, 92, 166), (150, 192, 222), (246, 250, 250)]))


def moonlight(frame: Frame) -> Frame:
    """Day for night: dark and blue, little colour left, lights that glow."""
    x = _float(frame) / 255
    light = x.mean(axis=-1, keepdims=True)
    pale = light + (x - light) * 0.35
    glow = cv2.GaussianBlur(np.clip(pale - 0.65, 0, 1), (0, 0), 5)
    return _bytes(255 * (pale**1.25 * _colour(0.46, 0.63, 0.97) + 0.5 * glow * _colour(0.8, 0.9, 1.0)))


def vaporwave(frame: Frame) -> Frame:
    """Violet shadows, pink middles, cyan lights."""
    grey = np.clip((_grey(_lift(frame, 0.85)) - 128) * 1.1 + 128, 0, 255)
    return _bytes(_by_brightness(grey, [(36, 10, 82), (150, 30, 170), (255, 105, 190), (130, 245, 250)]))


def night_vision(frame: Frame) -> Frame:
    """A green light amplifier: shadows lifted, lights that bloom."""
    grey = np.clip((_grey(_lift(frame, 0.7)) - 128) * 1.2 + 122, 0, 255)
    light = (0.08 + 0.92 * grey / 255)[..., None]
    return _bytes(light * _colour(60, 250, 84) + np.clip(light - 0.75, 0, 1) * _colour(420, 0, 360))


def thermal(frame: Frame) -> Frame:
    """A heat camera: brightness as false colour, blue to green to red."""
    warm = cv2.GaussianBlur(_grey(_lift(frame, 0.85)), (0, 0), 1.4)
    colours = [
        (20, 12, 90),
        (20, 90, 220),
        (20, 190, 170),
        (130, 220, 60),
        (250, 200, 40),
        (240, 80, 30),
        (255, 225, 215),
    ]
    return _bytes(_by_brightness(warm, colours))


STYLES: dict[str, StyleFunction] = {
    "no edit": no_edit,
    "pencil sketch": pencil_sketch,
    "comic": comic,
    "watercolour": watercolour,
    "oil painting": oil_painting,
    "neon": neon,
    "pop art": pop_art,
    "golden hour": golden_hour,
    "film noir": film_noir,
    "cyanotype": cyanotype,
    "vaporwave": vaporwave,
    "moonlight": moonlight,
    "sepia film": sepia_film,
    "night vision": night_vision,
    "pixel art": pixel_art,
    "thermal": thermal,
}


def _colour(*channels: float) -> Floats:
    return np.array(channels, np.float32)


def _float(x: Frame) -> Floats:
    return x.astype(np.float32)


def _bytes(x: NDArray[Any]) -> Frame:
    clipped: Frame = np.clip(x, 0, 255).astype(np.uint8)
    return clipped


def _rgb(grey: NDArray[Any]) -> Frame:
    return np.repeat(_bytes(grey)[..., None], 3, axis=-1)


def _grey(frame: NDArray[Any]) -> Floats:
    return _float(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def _lab(frame: Frame) -> Floats:
    return _float(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB))


def _from_lab(lab: Floats) -> Floats:
    return _float(cv2.cvtColor(_bytes(lab), cv2.COLOR_LAB2RGB))


def _smoothstep(x: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _lift(frame: Frame, gamma: float) -> Frame:
    """Brighten the shadows."""
    return cv2.LUT(frame, _bytes(255 * (np.arange(256) / 255) ** gamma))


def _flatten(frame: Frame, times: int, levels: float, reach: float) -> Frame:
    """Smooth texture but keep edges of more than `levels`."""
    for _ in range(times):
        frame = cv2.bilateralFilter(frame, 9, levels, reach)
    return frame


def _lines(frame: Frame, sigma: float, low: float, soft: float) -> Floats:
    """Ink in [0, 1] on the dark side of edges alone: one line for each, smoothed along its direction."""
    grey = _grey(_flatten(_lift(frame, 0.85), 1, 24, 4))
    darker = cv2.GaussianBlur(grey, (0, 0), sigma * 1.7) - cv2.GaussianBlur(grey, (0, 0), sigma)
    return _smoothstep(_line_integral(darker, *_tangent(grey), 3), low, low + soft).astype(np.float32)


def _along_edges(frame: Frame, reach: int) -> Floats:
    """Smooth along the edges, like brush strokes."""
    return _line_integral(_float(frame), *_tangent(_grey(frame)), reach)


def _tangent(grey: Floats) -> tuple[Floats, Floats]:
    """The direction [H, W] of the least change, x and y; 0 without a direction."""
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2.2) for product in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    clear = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    length = clear / (clear + 60)
    return np.cos(angle) * length, np.sin(angle) * length


def _line_integral(image: Floats, x: Floats, y: Floats, reach: int) -> Floats:
    """Mean of the image along a line of `reach` pixels to both sides of every pixel (line integral convolution)."""
    rows, cols = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    total = image.copy()
    for step in (s for s in range(-reach, reach + 1) if s):
        total += cv2.remap(image, cols + step * x, rows + step * y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return total / np.float32(2 * reach + 1)


def _shock(image: Floats, sigma: float) -> Floats:
    """Shock filter: sharpens edges by dilating their light side and eroding their dark side."""
    grey = cv2.GaussianBlur(image.mean(axis=-1), (0, 0), sigma)
    side = np.tanh(cv2.Laplacian(grey, cv2.CV_32F) * 0.9)[..., None]
    kernel = np.ones((3, 3), np.uint8)
    darker, lighter = cv2.erode(image, kernel), cv2.dilate(image, kernel)
    pushed: Floats = image + np.maximum(side, 0) * (darker - image) + np.maximum(-side, 0) * (lighter - image)
    return pushed


def _steps(x: NDArray[Any], count: int, slope: float) -> NDArray[Any]:
    """Soft posterisation: steps are joined by ramps of `slope` times a step's width on either side."""
    scaled = x / 255 * count
    whole = np.floor(scaled)
    stepped: NDArray[Any] = (whole + _smoothstep(scaled - whole, 0.5 - slope, 0.5 + slope)) / count * 255
    return stepped


def _by_brightness(grey: NDArray[Any], colours: list[tuple[int, int, int]]) -> NDArray[Any]:
    """Maps grey values to colours by linear interpolation."""
    at = np.linspace(0, 255, len(colours))
    table = np.stack([np.interp(np.arange(0, 256, 0.25), at, channel) for channel in zip(*colours, strict=True)], -1)
    looked_up: Floats = table.astype(np.float32)[(np.clip(grey, 0, 255) * 4 + 0.5).astype(np.int32).clip(max=1023)]
    return looked_up
