"""Measures the stages of a block without synchronising the device while it runs."""

import time

import torch


class Stopwatch:
    """Marks the ends of consecutive stages; on CUDA with events, which need no synchronisation until they are read."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.marks: list[tuple[str, float | torch.cuda.Event]] = [("", self._now())]

    def mark(self, stage: str) -> None:
        """The stage that started at the last mark ends here."""
        self.marks.append((stage, self._now()))

    def stage_ms(self) -> dict[str, float]:
        """Milliseconds per stage, summed where a stage ran more than once; waits for the device."""
        if self.cuda:
            torch.cuda.current_stream().synchronize()
        spent: dict[str, float] = {}
        for (_, start), (stage, end) in zip(self.marks, self.marks[1:], strict=False):
            spent[stage] = spent.get(stage, 0.0) + _elapsed_ms(start, end)
        return spent

    def _now(self) -> "float | torch.cuda.Event":
        if not self.cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def _elapsed_ms(start: "float | torch.cuda.Event", end: "float | torch.cuda.Event") -> float:
    if isinstance(start, float) and isinstance(end, float):
        return (end - start) * 1000
    assert isinstance(start, torch.cuda.Event) and isinstance(end, torch.cuda.Event)
    return float(start.elapsed_time(end))
