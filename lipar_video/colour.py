"""Conversion of colours to BT.709: a frame's colour tags, and a 3D LUT for HDR and wide gamuts."""

from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray

from lipar_core.colour_tags import BT709, BT2020, HLG, PQ, ColourTags, resolve_colour_tags

P3_DCI, P3_D65 = 11, 12  # code points of primaries
CHROMATICITIES = {  # x, y of red, green and blue; all with the white point D65
    BT709: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    P3_D65: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
CHROMATICITIES[P3_DCI] = CHROMATICITIES[P3_D65]
D65 = (0.3127, 0.3290)
KNOWN_MATRICES = (0, 1, 4, 5, 6, 7, 9)  # supported by FFmpeg's scaler
LUT_SIDE = 512  # side of the Hald CLUT image: 64 steps per axis
LUT_STEPS = 64
WHITE_NITS = 100  # HDR luminance mapped to SDR white; brighter light is compressed
KNEE = 0.85  # of SDR white, where compression starts


def colour_tags_of(frame: av.VideoFrame) -> ColourTags:
    """The frame's colour tags, with missing ones filled in."""
    return resolve_colour_tags(
        frame.width,
        frame.height,
        frame.format.name,
        matrix=frame.colorspace,
        colour_range=frame.color_range,
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
    )


def needs_lut(tags: ColourTags) -> bool:
    """Whether the conversion to BT.709 needs more than a matrix."""
    return tags.hdr or (tags.primaries != BT709 and tags.primaries in CHROMATICITIES)


def describe_colours(tags: ColourTags) -> str | None:
    """One line on the colour conversion, None if there is none."""
    if tags.hdr:
        return f"HDR ({'PQ' if tags.transfer == PQ else 'HLG'}) tone-mapped to BT.709"
    if needs_lut(tags):
        return f"wide gamut ({'BT.2020' if tags.primaries == BT2020 else 'P3'}) converted to BT.709"
    if tags.matrix not in KNOWN_MATRICES:
        return f"colours may be wrong: FFmpeg's scaler lacks the input's colour matrix (H.273 code {tags.matrix})"
    return None


@lru_cache(maxsize=2)
def colour_lut(transfer: int, primaries: int) -> av.VideoFrame:
    """Hald CLUT for FFmpeg's `haldclut` filter: RGB of this standard -> RGB of BT.709."""
    axis = np.arange(LUT_STEPS) / (LUT_STEPS - 1)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    signal = np.stack([red, green, blue], axis=-1)
    light = _linear_light(signal, transfer) @ _matrix_to_bt709(primaries).T
    if transfer in (PQ, HLG):
        light = _tone_map(light)
    coded = _bt709_oetf(np.clip(light, 0, 1)) * 65535
    table = coded.round().astype(np.uint16).reshape(LUT_SIDE, LUT_SIDE, 3)
    return av.VideoFrame.from_ndarray(table, format="rgb48le")


def _linear_light(signal: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    """Linear light; 1 is SDR white."""
    if transfer == PQ:  # SMPTE ST 2084
        root = signal ** (1 / 78.84375)
        nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        return nits / WHITE_NITS
    if transfer == HLG:  # ITU-R BT.2100, shown at 1000 nits
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
        shown: NDArray[np.float64] = 1000 / WHITE_NITS * scene * np.maximum(luminance, 1e-9)[..., None] ** 0.2
        return shown
    return np.where(signal < 0.081, signal / 4.5, ((signal + 0.099) / 1.099) ** (1 / 0.45))  # ITU-R BT.709


def _bt709_oetf(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light < 0.018, light * 4.5, 1.099 * light**0.45 - 0.099)


def _tone_map(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compress light above the knee, by the brightest channel, so that hues are preserved."""
    brightest = light.max(axis=-1, keepdims=True)
    over = np.maximum(brightest - KNEE, 0) / (1 - KNEE)
    mapped = np.where(brightest > KNEE, KNEE + (1 - KNEE) * over / (1 + over), brightest)
    scale: NDArray[np.float64] = mapped / np.maximum(brightest, 1e-9)
    return light * scale


def _matrix_to_bt709(primaries: int) -> NDArray[np.float64]:
    """Linear RGB with these primaries -> linear RGB with BT.709's."""
    known = CHROMATICITIES.get(primaries, CHROMATICITIES[BT709])
    to_bt709: NDArray[np.float64] = np.linalg.inv(_matrix_to_xyz(CHROMATICITIES[BT709])) @ _matrix_to_xyz(known)
    return to_bt709


def _matrix_to_xyz(chromaticities: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    corners = np.array([(x / y, 1, (1 - x - y) / y) for x, y in chromaticities]).T
    white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
    xyz: NDArray[np.float64] = corners * np.linalg.solve(corners, white)
    return xyz
