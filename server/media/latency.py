"""Latency between camera and screen, by stage."""

import statistics
from collections import deque
from typing import Literal, get_args

from server.media.histogram import Histogram

Stage = Literal["transport_in", "wait", "model", "pacing", "encode", "transport_out"]
RECENT = 60  # frames in a median


class Latency:
    """Durations of frames by stage: of the newest ones for the medians, of all in histograms.

    transport_in: half the round trip, plus first packet to decoded frame. wait: until the block is full and the
    model is free. model: editing the block. pacing: until the frame is due. encode. transport_out: half the round
    trip, plus the page's jitter buffer and decoder, as reported by the page.
    """

    def __init__(self) -> None:
        self._recent: dict[Stage, deque[float]] = {stage: deque(maxlen=RECENT) for stage in get_args(Stage)}
        self.histograms: dict[Stage, Histogram] = {stage: Histogram() for stage in get_args(Stage)}

    def add(self, stage: Stage, seconds: float) -> None:
        self._recent[stage].append(seconds)
        self.histograms[stage].observe(seconds)

    def medians_ms(self) -> dict[str, float]:
        """Medians in ms of the stages measured so far; their sum approximates the camera-to-screen latency."""
        return {stage: round(statistics.median(times) * 1000, 1) for stage, times in self._recent.items() if times}
