"""Editing a whole clip with a session."""

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters
from lipar_core.session import EditSession
from lipar_core.stream.output import EditedFrames, join_frames
from lipar_eval.clips import Clip


def edit_clip(
    models: Models, clip: Clip, parameters: Parameters, force_keep: Callable[[int], Tensor] | None = None
) -> EditedFrames[int]:
    """The whole edited clip, on the CPU."""
    return run_session(EditSession(models, parameters, force_keep=force_keep), clip)


def run_session(session: EditSession[int], clip: Clip) -> EditedFrames[int]:
    """The whole clip edited by a new session, on the CPU."""
    edited = join_frames([session.push(clip.frames, range(len(clip.frames))), session.flush()])
    return replace(edited, frames=edited.frames.cpu(), keep=edited.keep.cpu())


def mean_keep_ratio(edited: EditedFrames[int]) -> float:
    """Mean keep ratio without the first block, which is always computed in full."""
    ratios = [report.keep_ratio for report in edited.blocks[1:]]
    return sum(ratios) / len(ratios) if ratios else 1.0
