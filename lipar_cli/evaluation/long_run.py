"""Part 5: whether minute five looks as good as second five."""

import torch
from msgspec.structs import replace

from lipar_cli.clips import Clip, edit
from lipar_cli.evaluation import targets
from lipar_cli.evaluation.fidelity import apply
from lipar_cli.evaluation.quality import psnr, ssim
from lipar_cli.evaluation.summary import Row
from lipar_core.config import PresetStyle, default_parameters
from lipar_core.models import Models
from lipar_core.session import EditSession

FPS, HALF_MINUTE = 16, 30  # that the clip is played at; seconds


def long_run(
    models: Models, clip: Clip, style: PresetStyle, target: targets.Style | None, minutes: float
) -> list[dict[str, object]]:
    """The clip in a loop, pruned as the preset is: a row per half minute, against the style's target.

    Without a target the first time round is what the others are held against.
    """
    settings = replace(default_parameters(models.preset), prompt=style.prompt)
    count, wanted = len(clip.frames), apply(target, clip.frames) if target else edit(models, clip, settings).frames
    session: EditSession[int] = EditSession(models, settings)
    rows: list[Row] = []
    for start in range(0, round(minutes * 60 * FPS), HALF_MINUTE * FPS):
        places = torch.arange(start, start + HALF_MINUTE * FPS) % count
        edited = session.push(clip.frames[places], places.tolist())
        ours, want = edited.frames.cpu(), wanted[edited.pts]
        row: Row = {"clip": clip.name, "style": style.name, "second": start // FPS + HALF_MINUTE}
        rows.append(row | {"psnr_db": psnr(ours, want), "ssim": ssim(ours, want)})
    return rows
