"""Classical styles: image processing on single RGB frames that the tiny model learns and is compared with.

Every frame is processed independently and without randomness, all thresholds are soft, and texture is smoothed before
lines are drawn: static regions of the source are static in the target, despite noise. Lengths are in pixels.
"""

from collections.abc import Callable

import cv2
import numpy as np

from lipar_eval.style_filters import (
    Frame,
    along_edges,
    brighten_shadows,
    by_brightness,
    colour,
    edge_lines,
    from_lab,
    grey_to_rgb,
    shock_filter,
    smooth_texture,
    smoothstep,
    soft_steps,
    to_bytes,
    to_float,
    to_grey,
    to_lab,
)

StyleFunction = Callable[[Frame], Frame]

FILTER_RADIUS = 24  # pixels: radius of influence of the filters: a crop with this margin is styled like the whole frame


def no_edit(frame: Frame) -> Frame:
    return frame


def pencil_sketch(frame: Frame) -> Frame:
    """Graphite: soft shading from a dodge of the smoothed picture, and one line for each edge."""
    grey = to_grey(smooth_texture(brighten_shadows(frame, 0.8), 1, 18, 3))
    dodge = np.clip(grey / (cv2.GaussianBlur(grey, (0, 0), 6) + 4), 0, 1)
    shade = 0.66 + 0.34 * (grey / 255) ** 0.8
    paper = (0.16 + 0.84 * dodge**1.6 * shade)[..., None] * colour(252, 250, 246)  # graphite is never black
    return to_bytes(paper * (1 - 0.72 * edge_lines(frame, 1.1, 1.4, 8.0))[..., None] + 10)


def comic(frame: Frame) -> Frame:
    """Flat, saturated colours and one dark line for each edge."""
    lab = to_lab(smooth_texture(brighten_shadows(frame, 0.72), 2, 30, 5))
    lab[..., 0] = 0.35 * lab[..., 0] + 0.65 * soft_steps(lab[..., 0], 5, 0.3)
    lab[..., 1:] = 128 + (lab[..., 1:] - 128) * 1.5
    ink = edge_lines(frame, 1.2, 1.6, 7.0)
    return to_bytes(from_lab(lab) * (1 - 0.87 * ink)[..., None])


def watercolour(frame: Frame) -> Frame:
    """Pale washes on white paper, pigment gathered at their edges."""
    smooth = along_edges(smooth_texture(brighten_shadows(frame, 0.68), 2, 34, 6), 5)
    mean = smooth.mean(axis=-1, keepdims=True)
    washed = 252 - (255 - (mean + (smooth - mean) * 1.5)) * 0.64
    rim = edge_lines(frame, 2.0, 0.8, 12.0)
    return to_bytes(washed - rim[..., None] * (262 - washed) * 0.5 - rim[..., None] * colour(26, 22, 10))


def oil_painting(frame: Frame) -> Frame:
    """Broad strokes that follow the edges, their borders sharpened, in warm deep tones."""
    paint = along_edges(smooth_texture(brighten_shadows(frame, 0.74), 2, 40, 5), 7)
    lab = to_lab(to_bytes(cv2.GaussianBlur(shock_filter(paint, 1.6), (0, 0), 0.8)))
    lab[..., 0] = np.clip((lab[..., 0] - 128) * 1.08 + 118, 0, 255)
    lab[..., 1:] = (lab[..., 1:] - 128) * 1.25 + colour(131, 136)
    return to_bytes(from_lab(lab))


def neon(frame: Frame) -> Frame:
    """Broad glowing contours over a dim violet picture, pink or cyan by direction; few of them on texture."""
    grey = cv2.GaussianBlur(to_grey(smooth_texture(brighten_shadows(frame, 0.7), 1, 32, 5)), (0, 0), 2.6)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    slope = cv2.magnitude(dx, dy)
    upright = (np.abs(dx) / (slope + 8))[..., None]
    line = upright * colour(28, 165, 178) + (1 - upright) * colour(178, 35, 150)
    above_texture = slope / (1.6 * cv2.GaussianBlur(slope, (0, 0), 8) + 6)
    line *= (smoothstep(slope, 6, 80) * np.clip(above_texture - 0.5, 0, 1))[..., None]
    under = grey[..., None] / 255 * colour(87, 51, 157) + colour(6, 2, 16)
    return to_bytes(under + line + 0.8 * cv2.GaussianBlur(line, (0, 0), 4))


def pop_art(frame: Frame) -> Frame:
    """A screen print of four inks, chosen by brightness, with a dark outline."""
    grey = to_grey(smooth_texture(brighten_shadows(frame, 0.85), 2, 40, 5))
    level = soft_steps(np.clip((grey - 128) * 1.2 + 132, 0, 255), 3, 0.12)
    inks = [(28, 34, 130), (236, 44, 128), (255, 196, 44), (255, 248, 226)]
    return to_bytes(by_brightness(level, inks) * (1 - 0.7 * edge_lines(frame, 1.4, 2.0, 8.0))[..., None])


def pixel_art(frame: Frame) -> Frame:
    """Large square pixels in few, strong colours."""
    height, width = frame.shape[:2]
    small = cv2.resize(brighten_shadows(frame, 0.85), (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    lab = to_lab(small)
    lab[..., 0] = 0.3 * lab[..., 0] + 0.7 * soft_steps(lab[..., 0], 6, 0.3)
    lab[..., 1:] = 128 + (lab[..., 1:] - 128) * 1.6
    return cv2.resize(to_bytes(from_lab(lab)), (width, height), interpolation=cv2.INTER_NEAREST)


def golden_hour(frame: Frame) -> Frame:
    """Low warm sun: orange lights, teal shadows, a soft bloom."""
    x = to_float(brighten_shadows(frame, 0.92)) / 255
    light = x.mean(axis=-1, keepdims=True)
    warm = x * colour(1.25, 1.02, 0.7) + colour(0.08, 0.03, 0.0) * light
    cold = x * colour(0.75, 0.98, 1.12) + colour(0.02, 0.03, 0.06)
    mixed = warm * light + cold * (1 - light)
    bloom = cv2.GaussianBlur(np.clip(light - 0.6, 0, 1), (0, 0), 6)[..., None]
    return to_bytes(255 * (1.03 * mixed + bloom * colour(0.35, 0.28, 0.2)))


def film_noir(frame: Frame) -> Frame:
    """Black and white in hard light."""
    grey = to_grey(frame) / 255
    return grey_to_rgb(255 * (0.25 * grey + 0.75 * smoothstep(grey, 0.08, 0.86)) ** 1.05)


def sepia_film(frame: Frame) -> Frame:
    """Brown tones of an old film, blacks faded."""
    grey = cv2.GaussianBlur(to_grey(brighten_shadows(frame, 0.9)), (0, 0), 0.7)
    return to_bytes(by_brightness(grey, [(44, 26, 14), (120, 82, 50), (204, 164, 112), (255, 236, 196)]))


def cyanotype(frame: Frame) -> Frame:
    """Prussian blue shadows, paper-white lights."""
    grey = np.clip((to_grey(brighten_shadows(frame, 0.85)) - 128) * 1.15 + 128, 0, 255)
    return to_bytes(by_brightness(grey, [(8, 26, 84), (34, 92, 166), (150, 192, 222), (246, 250, 250)]))


def moonlight(frame: Frame) -> Frame:
    """Day for night: dark and blue, little colour left, lights that glow."""
    x = to_float(frame) / 255
    light = x.mean(axis=-1, keepdims=True)
    pale = light + (x - light) * 0.35
    glow = cv2.GaussianBlur(np.clip(pale - 0.65, 0, 1), (0, 0), 5)
    return to_bytes(255 * (pale**1.25 * colour(0.46, 0.63, 0.97) + 0.5 * glow * colour(0.8, 0.9, 1.0)))


def vaporwave(frame: Frame) -> Frame:
    """Violet shadows, pink middles, cyan lights."""
    grey = np.clip((to_grey(brighten_shadows(frame, 0.85)) - 128) * 1.1 + 128, 0, 255)
    return to_bytes(by_brightness(grey, [(36, 10, 82), (150, 30, 170), (255, 105, 190), (130, 245, 250)]))


def night_vision(frame: Frame) -> Frame:
    """A green light amplifier: shadows lifted, lights that bloom."""
    grey = np.clip((to_grey(brighten_shadows(frame, 0.7)) - 128) * 1.2 + 122, 0, 255)
    light = (0.08 + 0.92 * grey / 255)[..., None]
    return to_bytes(light * colour(60, 250, 84) + np.clip(light - 0.75, 0, 1) * colour(420, 0, 360))


def thermal(frame: Frame) -> Frame:
    """A heat camera: brightness as false colour, blue to green to red."""
    warm = cv2.GaussianBlur(to_grey(brighten_shadows(frame, 0.85)), (0, 0), 1.4)
    colours = [
        (20, 12, 90),
        (20, 90, 220),
        (20, 190, 170),
        (130, 220, 60),
        (250, 200, 40),
        (240, 80, 30),
        (255, 225, 215),
    ]
    return to_bytes(by_brightness(warm, colours))


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
