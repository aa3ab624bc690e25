"""The H.264 encoder of the outgoing video: tuned for low latency, with a bitrate that can change at run time."""

import functools
import logging
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from lipar_core.colour_tags import BT601, BT709, LIMITED

log = logging.getLogger(__name__)

CLOCK_RATE = 90_000  # RTP clock of video (RFC 3551), also the codec's time base, so that any frame rate is exact
NOMINAL_FPS = 8  # the encoder spends bit_rate / fps per frame: set to the minimum, higher rates only lower bit_rate
BUFFER_S = 0.2  # VBV buffer, seconds at the maximum bitrate: limits the size of one frame
ENCODERS = {
    # hardware encoder of the GPU (A100, H100 and H200 have none)
    "h264_nvenc": {"preset": "p3", "tune": "ull", "rc": "cbr", "zerolatency": "1", "delay": "0", "forced-idr": "1"},
    "libx264": {
        "preset": "superfast",  # 1/8 of the time of "medium", at a cost of 0.3 dB
        "tune": "zerolatency",
        "level": "31",
        "forced-idr": "1",  # requested keyframes are IDR: decoding can start there
    },
}
TRIAL = (256, 144)  # pixels


@functools.cache
def h264_encoder() -> str | None:
    """The first encoder that works on this machine; None if there is no H.264 encoder."""
    for name in ENCODERS:
        try:
            H264Encoder(*TRIAL, 1_000_000, name).encode(av.VideoFrame(*TRIAL, "yuv420p"), keyframe=True)
        except (av.FFmpegError, ValueError, RuntimeError) as error:  # not in this build, or no such hardware
            log.debug("%s cannot be used: %s", name, error)
        else:
            log.info("outgoing video is H.264, encoded by %s", name)
            return name
    log.warning("no H.264 encoder works on this machine: outgoing video is VP8")
    return None


def open_encoder(width: int, height: int, max_bitrate: int) -> "H264Encoder":
    """Open the best available encoder: a GPU limits the number of concurrent streams."""
    best = h264_encoder()
    names = list(ENCODERS)[list(ENCODERS).index(best) :] if best else list(ENCODERS)
    for name in names[:-1]:
        try:
            return H264Encoder(width, height, max_bitrate, name)
        except av.FFmpegError as error:
            log.warning("%s cannot open another stream (%s): using the next encoder", name, error)
    return H264Encoder(width, height, max_bitrate, names[-1])


class H264Encoder:
    """Encodes one stream. All frames must have the size that it was opened with."""

    def __init__(self, width: int, height: int, max_bitrate: int, name: str = "libx264") -> None:
        """max_bitrate in bit/s: `set_rate` cannot exceed it."""
        self.max_bitrate = self.bitrate = max_bitrate
        codec = av.CodecContext.create(name, "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width = width
        codec.height = height
        codec.pix_fmt = "yuv420p"
        codec.framerate, codec.time_base = Fraction(NOMINAL_FPS), Fraction(1, CLOCK_RATE)
        codec.thread_count = 1
        codec.gop_size = 3000  # keyframes are sent on request
        codec.max_b_frames = 0
        codec.profile = "Baseline"
        codec.colorspace, codec.color_range = BT601, LIMITED  # of the frames, whatever their size
        codec.color_primaries = codec.color_trc = BT709
        codec.bit_rate = max_bitrate
        codec.options = ENCODERS[name] | {"maxrate": str(max_bitrate), "bufsize": str(round(max_bitrate * BUFFER_S))}
        codec.open()
        self._codec = codec

    def set_rate(self, bitrate: int, fps: float) -> None:
        """Set the target bitrate, bit/s, at `fps` frames per second, from the next frame on; needs no keyframe."""
        self.bitrate = min(bitrate, self.max_bitrate)
        self._codec.bit_rate = round(self.bitrate * NOMINAL_FPS / max(fps, NOMINAL_FPS))

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> "av.Packet[Any]":
        """One yuv420p frame -> one packet, with the frame's pts."""
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        packets = self._codec.encode(frame)
        if len(packets) != 1:
            raise RuntimeError(f"{self._codec.name} returned {len(packets)} packets for a frame: it adds latency")
        return packets[0]
