"""Measures the stages of a block without synchronising the device while it runs, and names them for profilers."""

import time

import torch
from torch.profiler import record_function


class Stopwatch:
    """Stages that follow each other; on CUDA with events, which need no synchronisation until they are read.

    Each stage is a range of `torch.profiler`, and on CUDA of NVTX.
    """

    def __init__(self, device: torch.device, stage: str) -> None:
        """The first stage starts."""
        self.cuda = device.type == "cuda"
        self.starts: list[tuple[str, float | torch.cuda.Event]] = []
        self._range: record_function | None = None
        self.next(stage)

    def next(self, stage: str) -> None:
        """The current stage ends, and this one starts."""
        self._end_range()
        self.starts.append((stage, self._now()))
        self._range = record_function(f"lipar {stage}")
        self._range.__enter__()
        if self.cuda:
            torch.cuda.nvtx.range_push(f"lipar {stage}")

    def stop(self) -> None:
        """The last stage ends."""
        self._end_range()
        self.starts.append(("", self._now()))

    def stage_ms(self) -> dict[str, float]:
        """Milliseconds per stage, summed where a stage ran more than once; waits for the device."""
        if self.cuda:
            torch.cuda.current_stream().synchronize()
        spent: dict[str, float] = {}
        for (stage, start), (_, end) in zip(self.starts, self.starts[1:], strict=False):
            spent[stage] = spent.get(stage, 0.0) + _elapsed_ms(start, end)
        return spent

    def _end_range(self) -> None:
        if self._range is not None:
            self._range.__exit__(None, None, None)
            self._range = None
            if self.cuda:
                torch.cuda.nvtx.range_pop()

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
