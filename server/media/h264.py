"""The H.264 encoder of the outgoing track: libx264 tuned for a live call, its rate changed while it runs."""

from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

CLOCK_RATE = 90_000  # RTP clock of video (RFC 3551); the codec counts in it too, so that any frame rate is right
NOMINAL_FPS = 8  # libx264 spends bit_rate / fps on a frame: with the least fps here, higher ones need only less
BUFFER_S = 0.2  # of the rate: how much one frame may burst
OPTIONS = {
    "preset": "superfast",  # an eighth of "medium"'s time for 0.3 dB
    "tune": "zerolatency",
    "level": "31",
    "forced-idr": "1",  # a keyframe that was asked for can be decoded from
}


class H264Encoder:
    """One stream's. Frames must keep the size that it was opened with."""

    def __init__(self, width: int, height: int, max_bitrate: int) -> None:
        """max_bitrate in bit/s: libx264 is turned down and up while it runs, but never above what it was opened at."""
        self.max_bitrate = self.bitrate = max_bitrate
        codec = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.framerate, codec.time_base = Fraction(NOMINAL_FPS), Fraction(1, CLOCK_RATE)
        codec.thread_count = 1
        codec.gop_size = 3000  # keyframes come when they are asked for
        codec.profile = "Baseline"
        codec.bit_rate = max_bitrate
        codec.options = OPTIONS | {"maxrate": str(max_bitrate), "bufsize": str(round(max_bitrate * BUFFER_S))}
        codec.open()
        self._codec = codec

    def aim(self, bitrate: int, fps: float) -> None:
        """From the next frame on spend `bitrate` bit/s on frames that come `fps` times a second; costs no keyframe."""
        self.bitrate = min(bitrate, self.max_bitrate)
        self._codec.bit_rate = round(self.bitrate * NOMINAL_FPS / max(fps, NOMINAL_FPS))

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> "av.Packet[Any]":
        """One yuv420p frame -> one packet, with the frame's pts."""
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        packets = self._codec.encode(frame)
        assert len(packets) == 1, "zerolatency gives a packet for every frame"
        return packets[0]
