"""Time bases and frame rate of a file's video."""

from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

DEFAULT_RATE = Fraction(25)  # of a file without a frame rate
MAX_TICKS_PER_S = 200_000  # more would overflow MP4's 32 bits after a gap of seconds
MIN_TICKS_PER_S = 10_000
MAX_INT = 2**31 - 1  # of FFmpeg's fractions; damaged headers may exceed it
NO_TIMESTAMPS = 0x80  # FFmpeg's AVFMT_NOTIMESTAMPS
PLAIN_TIME_BASE = Fraction(1, 90_000)


class StreamTiming:
    """What of the timing that FFmpeg gives for a video stream is the file's own, and what is only a guess."""

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        self._container = container
        self._video = video

    @property
    def stream_time_base(self) -> Fraction:
        return self._video.time_base or 1 / self.rate

    @property
    def time_base(self) -> Fraction:
        """The stream's, made finer or coarser so that every container accepts it."""
        base = self.stream_time_base
        if base < Fraction(1, MAX_TICKS_PER_S):
            return PLAIN_TIME_BASE
        while base > Fraction(1, MIN_TICKS_PER_S):
            base /= 2
        return base if max(base.numerator, base.denominator) <= MAX_INT else PLAIN_TIME_BASE

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        if self._is_elementary_stream:
            return self._video.guessed_rate or DEFAULT_RATE  # FFmpeg's average is only a default there
        average = self._video.average_rate
        guessed = self._video.guessed_rate
        if average and guessed and average > 2 * guessed:
            return guessed  # for raw DV, FFmpeg's average is the clock rate
        return average or guessed or DEFAULT_RATE

    def drop_guessed_timestamps(self, packet: "av.Packet[Stream]") -> None:
        """Remove timestamps that FFmpeg guesses if the container has none: they ignore the order of B-frames."""
        if self._is_elementary_stream:
            packet.pts = packet.dts = None
        elif self._container.format.name == "avi":
            packet.pts = None

    @property
    def _is_elementary_stream(self) -> bool:
        """Whether the file is an elementary stream, without timestamps."""
        return bool(int(self._container.format.flags) & NO_TIMESTAMPS)
