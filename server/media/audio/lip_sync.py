"""How much later than its audio a source's video arrives, by the RTCP sender reports on both."""

import statistics
from collections import deque

from server.media.audio.opus import SAMPLE_RATE

VIDEO_RATE = 90_000  # of its RTP timestamps
FRAMES, REPORTS = 31, 5  # newest samples in the medians
MAX_SKEW_S = 1.0  # larger values are no encoder delay but a wrong clock
MAX_DISAGREEMENT_S = 0.02  # between two reports of a stream: real clocks drift by less in a few seconds


class SenderReportClock:
    """Maps a stream's RTP timestamps to the source's clock, by its newest sender report."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.steady = False  # the newest report agrees with the previous one
        self._newest: tuple[float, int] | None = None

    def report(self, ntp_s: float, timestamp: int) -> None:
        expected = self.time(timestamp)
        self.steady = expected is not None and abs(ntp_s - expected) <= MAX_DISAGREEMENT_S
        self._newest = ntp_s, timestamp

    def time(self, timestamp: int) -> float | None:
        """The source's time of an RTP timestamp; None before the first report."""
        if self._newest is None:
            return None
        ntp_s, reported = self._newest
        ahead = (timestamp - reported) & 0xFFFFFFFF
        return ntp_s + (ahead - (0x1_0000_0000 if ahead & 0x8000_0000 else 0)) / self.rate


class LipSync:
    """Compares the capture times of video and audio with their arrival times.

    `skew` compensates an encoder that delays video longer than audio. Without reports on both streams it is 0, and
    video and audio that arrive together are played together. Reports are used while those of a stream agree:
    GStreamer's run at twice the speed in a program that leaves its pipeline's latency unset.
    """

    def __init__(self) -> None:
        self.video, self.audio = SenderReportClock(VIDEO_RATE), SenderReportClock(SAMPLE_RATE)
        self._video_delays: deque[float] = deque(maxlen=FRAMES)  # arrival here minus the source's time
        self._audio_delays: deque[float] = deque(maxlen=REPORTS)

    def add_frame(self, timestamp: int, arrived: float) -> float | None:
        """A video frame with this RTP timestamp has arrived; returns its capture time by the source's clock."""
        captured = self.video.time(timestamp)
        if captured is not None:
            self._video_delays.append(arrived - captured)
        return captured

    def add_audio_report(self, ntp_s: float, timestamp: int, arrived: float) -> None:
        """A sender report on audio: this RTP timestamp was captured at `ntp_s`, by the source's clock."""
        self.audio.report(ntp_s, timestamp)
        self._audio_delays.append(arrived - ntp_s)

    @property
    def skew(self) -> float:
        """Seconds to delay audio beyond the video's latency here; negative if audio arrives later than video."""
        if not (self.video.steady and self.audio.steady and self._video_delays):
            return 0.0
        skew = statistics.median(self._video_delays) - statistics.median(self._audio_delays)
        return skew if abs(skew) <= MAX_SKEW_S else 0.0
