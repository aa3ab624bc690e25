"""Part 6: stability of the quality over a run of minutes."""

import torch
from msgspec.structs import replace

from lipar_core.config import PresetStyle
from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval.classical_styles import StyleFunction
from lipar_eval.clips import Clip
from lipar_eval.edited_clips import edit_clip
from lipar_eval.fidelity import apply
from lipar_eval.quality import psnr, ssim
from lipar_eval.summary import Row

FPS, HALF_MINUTE = 16, 30  # frame rate of the clip; seconds


def long_run(
    models: Models, clip: Clip, style: PresetStyle, target: StyleFunction | None, minutes: float
) -> list[dict[str, object]]:
    """The clip in a loop, pruned as in the preset: a row per half minute, against the style's target.

    Without a target, later loops are compared with the first.
    """
    settings = replace(default_parameters(models.preset), prompt=style.prompt)
    count = len(clip.frames)
    expected = apply(target, clip.frames) if target else edit_clip(models, clip, settings).frames
    session: EditSession[int] = EditSession(models, settings)
    rows: list[Row] = []
    for start in range(0, round(minutes * 60 * FPS), HALF_MINUTE * FPS):
        indices = torch.arange(start, start + HALF_MINUTE * FPS) % count
        edited = session.push(clip.frames[indices], indices.tolist())
        ours = edited.frames.cpu()
        target_frames = expected[edited.pts]
        row: Row = {"clip": clip.name, "style": style.name, "second": start // FPS + HALF_MINUTE}
        rows.append(row | {"psnr_db": psnr(ours, target_frames), "ssim": ssim(ours, target_frames)})
    return rows
