"""A video source of moving waves."""

from fractions import Fraction

import av
import numpy as np
from aiortc import VideoStreamTrack

from server.media.h264 import CLOCK_RATE, H264Encoder

SIZE = (320, 192)


def picture(i: int) -> av.VideoFrame:
    """Moving waves and some noise: complex enough for the encoder to use its whole bitrate."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    waves = 128 + 60 * np.sin((x + 7 * i) / 9) + 40 * np.cos((y - 5 * i) / 7) + rng.normal(0, 6, (SIZE[1], SIZE[0]))
    planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
    planes[: SIZE[1]] = waves.clip(0, 255)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def timed(frame: av.VideoFrame, pts: int) -> av.VideoFrame:
    """The frame with a pts on the RTP clock."""
    frame.pts, frame.time_base = pts, Fraction(1, CLOCK_RATE)
    return frame


def packets(count: int, keyframe_at: int) -> list[av.Packet]:
    """Encoded frames; the first is a keyframe too."""
    encoder = H264Encoder(*SIZE, 500_000)
    return [encoder.encode(timed(picture(number), number), keyframe=number == keyframe_at) for number in range(count)]


class Waves(VideoStreamTrack):
    """Different frames at 30 per second."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = picture(pts // 3000)
        frame.pts, frame.time_base = pts, time_base
        return frame
