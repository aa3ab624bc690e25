"""Colours of live video: the model's input does not depend on the source's matrix and range."""

from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from lipar_core.colour import rgb_from_yuv420p
from lipar_core.colour_tags import BT601, FULL, LIMITED
from server.media.colour_space import ColourSpace, read_colour_space
from server.media.fitter import Fitter
from server.media.h264 import H264Encoder

COLOURS = [(230, 30, 30), (30, 200, 30), (30, 30, 230), (200, 180, 40), (128, 128, 128), (250, 250, 250), (8, 8, 8)]
K601, K709, K2020 = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)  # luma coefficients of red and blue
HD, SD = (1280, 720), (320, 180)
MODEL = (256, 144)
BAND = MODEL[0] // len(COLOURS)
UNTAGGED = (2, 0)
MAX_DIFFERENCE = 4  # of 255: limited by the rounding of limited range in eight bits


def chart(size: tuple[int, int], coefficients: tuple[float, float], *, full: bool) -> av.VideoFrame:
    """Bands of `COLOURS`, as yuv420p of this matrix and range."""
    width, height = size
    rgb = np.zeros((height, width, 3))
    for i, colour in enumerate(COLOURS):
        rgb[:, i * width // len(COLOURS) :] = colour
    red, green, blue = (rgb / 255).transpose(2, 0, 1)
    of_red, of_blue = coefficients
    y = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    chroma = [(blue - y) / (2 * (1 - of_blue)), (red - y) / (2 * (1 - of_red))]
    luma, spread = (y * 255, 255) if full else (16 + 219 * y, 224)
    planes = [luma, *(128 + spread * plane[::2, ::2] for plane in chroma)]
    flat = np.concatenate([plane.round().clip(0, 255).astype(np.uint8).ravel() for plane in planes])
    return av.VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), format="yuv420p")


def max_difference(planes: np.ndarray) -> int:
    rgb = (rgb_from_yuv420p(torch.from_numpy(planes[None]))[0] * 255).round().permute(1, 2, 0).numpy()
    seen = rgb[MODEL[1] // 2, [i * MODEL[0] // len(COLOURS) + BAND // 2 for i in range(len(COLOURS))]]
    return int(np.abs(seen - np.array(COLOURS)).max())


@pytest.mark.parametrize(
    ("size", "coefficients", "full", "tags"),
    [
        (SD, K601, False, (BT601, LIMITED)),
        (SD, K601, False, UNTAGGED),
        (SD, K601, True, (BT601, FULL)),
        (SD, K709, False, (1, LIMITED)),
        (HD, K709, False, (1, LIMITED)),
        (HD, K709, False, UNTAGGED),
        (HD, K709, True, (1, FULL)),
        (HD, K601, False, (BT601, LIMITED)),
        (HD, K601, False, (5, 0)),
        (HD, K2020, False, (9, LIMITED)),
    ],
)
def test_the_model_sees_the_same_colours(size, coefficients, full, tags):
    frame = chart(size, coefficients, full=full)
    frame.colorspace, frame.color_range = tags
    fit = Fitter(*MODEL)
    assert max_difference(fit(frame)) <= MAX_DIFFERENCE
    assert max_difference(fit(chart(SD, K601, full=False))) <= MAX_DIFFERENCE  # the extension applies to one frame only


def test_rtp_colour_space_takes_precedence_over_the_size():
    """Chromium downscales an HD file on low bandwidth, and signals BT.709 in the header extension."""
    signalled = read_colour_space(bytes([1, 1, 1, 1 << 4]))
    assert signalled == ColourSpace(1, 1, 1, LIMITED)
    assert max_difference(Fitter(*MODEL)(chart(SD, K709, full=False), signalled)) <= MAX_DIFFERENCE
    assert max_difference(Fitter(*MODEL)(chart(SD, K709, full=False))) > MAX_DIFFERENCE
    full = read_colour_space(bytes([1, 13, 1, 2 << 4]) + bytes(24))  # followed by HDR metadata
    assert max_difference(Fitter(*MODEL)(chart(SD, K709, full=True), full)) <= MAX_DIFFERENCE
    assert read_colour_space(b"\1\1") is None


def test_codec_tags_complete_the_rtp_colour_space():
    frame = chart(HD, K601, full=True)
    frame.colorspace, frame.color_range = BT601, FULL
    assert max_difference(Fitter(*MODEL)(frame, ColourSpace(2, 2, 2, 0))) <= MAX_DIFFERENCE


def test_the_edited_stream_has_colour_tags():
    encoder = H264Encoder(*HD, 2_000_000)
    frame = chart(HD, K601, full=False)
    frame.pts, frame.time_base = 0, Fraction(1, 90_000)
    packet = encoder.encode(frame, keyframe=True)
    decoder = av.CodecContext.create("h264", "r")
    [shown] = [*decoder.decode(packet), *decoder.decode(None)]
    assert (int(shown.colorspace), int(shown.color_range)) == (BT601, LIMITED)
    assert max_difference(Fitter(*MODEL)(shown)) <= MAX_DIFFERENCE + 2  # plus the codec's error
