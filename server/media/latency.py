"""Where a frame's time goes between the camera and the screen."""

import statistics
from collections import deque
from typing import Literal, get_args

Stage = Literal["transport_in", "wait", "model", "pacing", "encode", "transport_out"]
RECENT = 60  # frames that a figure is made of


class Latency:
    """The newest frames' times, by stage.

    transport_in: half the round trip, from a frame's first packet to its picture. wait: until its block is full and
    the model is free. model: the block's editing. pacing: until the frame is due. encode. transport_out: half the
    round trip, and what the page says of its jitter buffer and decoder.
    """

    def __init__(self) -> None:
        self._recent: dict[Stage, deque[float]] = {stage: deque(maxlen=RECENT) for stage in get_args(Stage)}

    def add(self, stage: Stage, seconds: float) -> None:
        self._recent[stage].append(seconds)

    def medians_ms(self) -> dict[str, float]:
        """Medians in ms of the stages that have been seen; their sum is about what lies between the two pictures."""
        return {stage: round(statistics.median(times) * 1000, 1) for stage, times in self._recent.items() if times}
