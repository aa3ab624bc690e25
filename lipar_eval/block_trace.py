"""A trace of whole blocks, by stage and operation, for Perfetto or chrome://tracing."""

from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from lipar_core.models.loading import Models
from lipar_core.session import EditSession
from lipar_eval.throughput import ForcedMasks, random_block

TRACED_BLOCKS = 2


def write_trace(models: Models, ratio: float, path: Path) -> None:
    """Blocks in steady state with this forced keep ratio."""
    masks = ForcedMasks(models)
    masks.ratio = ratio
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
    with profile(activities=activities) as traced:
        for _ in range(TRACED_BLOCKS):
            session.push(frames, range(len(frames)))
            session.finish_block()
    session.close()
    traced.export_chrome_trace(str(path))
