import av
import numpy as np
import torch

from lipar_core.colour import rgb_from_yuv420p, yuv420p_from_rgb


def test_primaries_are_bt601_limited_range():
    colours = (
        torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).view(5, 3, 1, 1).expand(5, 3, 2, 2)
    )
    planes = yuv420p_from_rgb(colours)
    assert planes[:, 0, 0].tolist() == [235, 16, 81, 145, 41]
    torch.testing.assert_close(rgb_from_yuv420p(planes), colours, rtol=0, atol=0.01)


def test_decoding_agrees_with_ffmpeg():
    ramp = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(ramp, format="rgb24").reformat(format="yuv420p")
    planes = torch.from_numpy(frame.to_ndarray())[None]
    expected = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(rgb_from_yuv420p(planes), expected, rtol=0, atol=0.03)


def test_smooth_pictures_survive_the_round_trip():
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 16, 32)
    torch.testing.assert_close(rgb_from_yuv420p(yuv420p_from_rgb(ramp)), ramp, rtol=0, atol=0.03)
