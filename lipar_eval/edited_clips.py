"""Editing a whole clip with a session."""

from collections.abc import Callable

import torch
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters
from lipar_core.session import EditSession
from lipar_core.stream.output import EditedFrames
from lipar_eval.clips import Clip


def edit_clip(
    models: Models, clip: Clip, parameters: Parameters, force_keep: Callable[[int], Tensor] | None = None
) -> EditedFrames[int]:
    """The whole edited clip, on the CPU."""
    return run_session(EditSession(models, parameters, force_keep=force_keep), clip)


def run_session(session: EditSession[int], clip: Clip) -> EditedFrames[int]:
    """The whole clip edited by a new session, on the CPU."""
    first = session.push(clip.frames, range(len(clip.frames)))
    rest = session.flush()
    frames, keep = (torch.cat([getattr(part, name).cpu() for part in (first, rest)]) for name in ("frames", "keep"))
    return EditedFrames(frames, [*first.pts, *rest.pts], keep, [*first.blocks, *rest.blocks])


def mean_keep_ratio(edited: EditedFrames[int]) -> float:
    """Mean keep ratio without the first block, which is always computed in full."""
    ratios = [report.keep_ratio for report in edited.blocks[1:]]
    return sum(ratios) / len(ratios) if ratios else 1.0
