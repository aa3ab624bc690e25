"""A trace of whole blocks, by stage and operation, for Perfetto or chrome://tracing, and its largest operations."""

from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from lipar_core.models.loading import Models
from lipar_core.session import EditSession
from lipar_eval.summary import Row
from lipar_eval.throughput import ForcedMasks, random_block

TRACED_BLOCKS = 2
SHOWN_OPERATIONS = 20


def write_trace(models: Models, ratio: float, path: Path) -> list[Row]:
    """Of blocks in steady state with this forced keep ratio; returns the operations that took longest."""
    masks = ForcedMasks(models, ratio)
    session: EditSession[int] = EditSession(models, force_keep=masks)
    frames = random_block(models)
    stream = session.stream
    until_full = -(-(stream.sink_frames + stream.window_frames) // stream.block_frames)
    for _ in range(until_full + 1):
        session.push(frames, range(len(frames)))
        session.finish_block()
    activities = [ProfilerActivity.CPU]
    if models.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities, acc_events=True) as traced:
        for _ in range(TRACED_BLOCKS):
            session.push(frames, range(len(frames)))
            session.finish_block()
    session.close()
    traced.export_chrome_trace(str(path))
    return _largest(traced, on_gpu=models.device.type == "cuda")


def _largest(traced: profile, *, on_gpu: bool) -> list[Row]:
    """Operations by their own time, without that of those that they call."""
    own = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    operations = [event for event in traced.key_averages() if not event.key.startswith("lipar ")]
    total = sum(getattr(event, own) for event in operations) or 1.0
    operations.sort(key=lambda event: -getattr(event, own))
    return [
        {
            "operation": event.key,
            "calls per block": event.count / TRACED_BLOCKS,
            "ms per block": getattr(event, own) / 1000 / TRACED_BLOCKS,
            "ratio": getattr(event, own) / total,
        }
        for event in operations[:SHOWN_OPERATIONS]
    ]
