"""Part 2: whether the picture is the style that was asked for, against classical image processing."""

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_cli.clips import Clip, edit
from lipar_cli.evaluation.quality import EVERY, psnr, ssim
from lipar_cli.evaluation.summary import Row
from lipar_cli.evaluation.targets import STYLES, Style
from lipar_core.config import Preset, default_parameters
from lipar_core.models import Models


def targets_of(preset: Preset) -> dict[str, Style]:
    """The preset's styles, by name, of which the classical original is known."""
    return {style.name: STYLES[style.name.lower()] for style in preset.styles if style.name.lower() in STYLES}


def fidelity(models: Models, clips: list[Clip], targets: dict[str, Style]) -> list[Row]:
    """A row per clip and style, unpruned: PSNR and SSIM to the target, share of frames nearest to it of all targets."""
    rows: list[Row] = []
    base = default_parameters(models.preset)
    prompts = {style.name: style.prompt for style in models.preset.styles}
    for clip in clips:
        wanted = {name: apply(target, clip.frames[::EVERY]) for name, target in targets.items()}
        for name in targets:
            parameters = replace(base, prompt=prompts[name], pruning=replace(base.pruning, enabled=False))
            ours = edit(models, clip, parameters).frames[::EVERY]
            near = [nearest_style(frame, {style: wanted[style][i] for style in wanted}) for i, frame in enumerate(ours)]
            rows.append(
                {
                    "clip": clip.name,
                    "style": name,
                    "psnr_db": psnr(ours, wanted[name]),
                    "ssim": ssim(ours, wanted[name]),
                    "right": sum(style == name for style in near) / len(near),
                    "taken_for": max(set(near), key=near.count),
                }
            )
    return rows


def apply(target: Style, frames: Tensor) -> Tensor:
    """uint8 [N, 3, H, W] -> the style's own picture of it, [N, 3, H, W] in [0, 1]."""
    styled = np.stack([target(np.ascontiguousarray(frame.permute(1, 2, 0).numpy())) for frame in frames])
    return torch.from_numpy(styled).permute(0, 3, 1, 2).float() / 255


def nearest_style(frame: Tensor, wanted: dict[str, Tensor]) -> str:
    """The style whose target [3, H, W] is nearest to the frame."""
    return min(wanted, key=lambda style: float(((frame - wanted[style]) ** 2).mean()))
