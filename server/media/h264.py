"""The H.264 encoder of the outgoing video: tuned for a live call, its rate changed while it runs."""

import functools
import logging
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from lipar_core.colour_tags import BT601, BT709, LIMITED

log = logging.getLogger(__name__)

CLOCK_RATE = 90_000  # RTP clock of video (RFC 3551); the codec counts in it too, so that any frame rate is right
NOMINAL_FPS = 8  # an encoder spends bit_rate / fps on a frame: with the least fps here, higher ones need only less
BUFFER_S = 0.2  # of the rate: how much one frame may burst
ENCODERS = {
    # dedicated silicon, where the graphics card has it (an A100, H100 or H200 has none)
    "h264_nvenc": {"preset": "p3", "tune": "ull", "rc": "cbr", "zerolatency": "1", "delay": "0", "forced-idr": "1"},
    "libx264": {
        "preset": "superfast",  # an eighth of "medium"'s time for 0.3 dB
        "tune": "zerolatency",
        "level": "31",
        "forced-idr": "1",  # a keyframe that was asked for can be decoded from
    },
}
TRIAL = (256, 144)  # pixels


@functools.cache
def h264_encoder() -> str | None:
    """The first encoder that encodes a frame here; None where no H.264 can be made."""
    for name in ENCODERS:
        try:
            H264Encoder(*TRIAL, 1_000_000, name).encode(av.VideoFrame(*TRIAL, "yuv420p"), keyframe=True)
        except (av.FFmpegError, ValueError, RuntimeError) as error:  # not in this build, or no such hardware
            log.debug("%s cannot be used: %s", name, error)
        else:
            log.info("video goes out as H.264 from %s", name)
            return name
    log.warning("no H.264 encoder works here: video goes out as VP8")
    return None


def open_encoder(width: int, height: int, max_bitrate: int) -> "H264Encoder":
    """The best encoder that opens now: a graphics card takes only so many streams at a time."""
    best = h264_encoder()
    names = list(ENCODERS)[list(ENCODERS).index(best) :] if best else list(ENCODERS)
    for name in names[:-1]:
        try:
            return H264Encoder(width, height, max_bitrate, name)
        except av.FFmpegError as error:
            log.warning("%s takes no further stream (%s): the next encoder is used", name, error)
    return H264Encoder(width, height, max_bitrate, names[-1])


class H264Encoder:
    """One stream's. Frames must keep the size that it was opened with."""

    def __init__(self, width: int, height: int, max_bitrate: int, name: str = "libx264") -> None:
        """max_bitrate in bit/s: the encoder is turned down and up while it runs, never above what it was opened at."""
        self.max_bitrate = self.bitrate = max_bitrate
        codec = av.CodecContext.create(name, "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.framerate, codec.time_base = Fraction(NOMINAL_FPS), Fraction(1, CLOCK_RATE)
        codec.thread_count = 1
        codec.gop_size = 3000  # keyframes come when they are asked for
        codec.max_b_frames = 0
        codec.profile = "Baseline"
        codec.colorspace, codec.color_range = BT601, LIMITED  # what the frames are, whatever their size
        codec.color_primaries = codec.color_trc = BT709
        codec.bit_rate = max_bitrate
        codec.options = ENCODERS[name] | {"maxrate": str(max_bitrate), "bufsize": str(round(max_bitrate * BUFFER_S))}
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
        if len(packets) != 1:
            raise RuntimeError(f"{self._codec.name} gave {len(packets)} packets for a frame: it delays")
        return packets[0]
