"""How much later than its sound a source's picture arrives, by what the source says of both (RTCP sender reports)."""

import statistics
from collections import deque

from server.media.audio.opus import SAMPLE_RATE

VIDEO_RATE = 90_000  # of its RTP timestamps
FRAMES, REPORTS = 31, 5  # newest ones that a median is made of
MAX_SKEW_S = 1.0  # more is no encoder's delay but a clock that is wrong
MAX_DISAGREEMENT_S = 0.02  # of two reports of a stream: real clocks drift by less in the seconds between them


class SenderReportClock:
    """The source's own time of a stream's RTP timestamps, from its newest sender report."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.steady = False  # the newest report agrees with the one before
        self._newest: tuple[float, int] | None = None

    def report(self, ntp_s: float, timestamp: int) -> None:
        expected = self.time(timestamp)
        self.steady = expected is not None and abs(ntp_s - expected) <= MAX_DISAGREEMENT_S
        self._newest = ntp_s, timestamp

    def time(self, timestamp: int) -> float | None:
        """None before the first report."""
        if self._newest is None:
            return None
        ntp_s, reported = self._newest
        ahead = (timestamp - reported) & 0xFFFFFFFF
        return ntp_s + (ahead - (0x1_0000_0000 if ahead & 0x8000_0000 else 0)) / self.rate


class LipSync:
    """Compares what the source calls the time of its two streams with when they arrive.

    An encoder that holds pictures back longer than sound is made up for by `skew`. Without reports of both streams
    it is 0, and picture and sound that arrive together are shown together. Reports are believed while those of one
    stream agree: GStreamer's run at twice the speed in a program that leaves its pipeline's latency unset.
    """

    def __init__(self) -> None:
        self.video, self.audio = SenderReportClock(VIDEO_RATE), SenderReportClock(SAMPLE_RATE)
        self._pictures: deque[float] = deque(maxlen=FRAMES)  # arrival here, less the source's time
        self._sounds: deque[float] = deque(maxlen=REPORTS)

    def add_frame(self, timestamp: int, arrived: float) -> None:
        """A picture with this RTP timestamp has arrived."""
        if (made := self.video.time(timestamp)) is not None:
            self._pictures.append(arrived - made)

    def add_audio_report(self, ntp_s: float, timestamp: int, arrived: float) -> None:
        """A report on the sound: what has this RTP timestamp was made at `ntp_s`, by the source's clock."""
        self.audio.report(ntp_s, timestamp)
        self._sounds.append(arrived - ntp_s)

    @property
    def skew(self) -> float:
        """Seconds to delay the sound by, beyond what its picture takes here; negative where the sound comes later."""
        if not (self.video.steady and self.audio.steady and self._pictures):
            return 0.0
        skew = statistics.median(self._pictures) - statistics.median(self._sounds)
        return skew if abs(skew) <= MAX_SKEW_S else 0.0
