"""Part 2: similarity of the output to the requested style's target, made by classical image processing."""

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.config import Preset
from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_eval.classical_styles import STYLES, StyleFunction
from lipar_eval.clips import Clip
from lipar_eval.edited_clips import edit_clip
from lipar_eval.quality import FRAME_STEP, psnr, ssim
from lipar_eval.summary import Row


def targets_of(preset: Preset) -> dict[str, StyleFunction]:
    """The preset's styles, by name, that have a classical target."""
    return {style.name: STYLES[style.name.lower()] for style in preset.styles if style.name.lower() in STYLES}


def fidelity(models: Models, clips: list[Clip], targets: dict[str, StyleFunction]) -> list[Row]:
    """A row per clip and style, unpruned: PSNR and SSIM to the target, and the ratio of frames nearest to it."""
    rows: list[Row] = []
    base = default_parameters(models.preset)
    prompts = {style.name: style.prompt for style in models.preset.styles}
    for clip in clips:
        expected = {name: apply(target, clip.frames[::FRAME_STEP]) for name, target in targets.items()}
        for name in targets:
            parameters = replace(base, prompt=prompts[name], pruning=replace(base.pruning, enabled=False))
            ours = edit_clip(models, clip, parameters).frames[::FRAME_STEP]
            predicted = [
                nearest_style(frame, {style: expected[style][i] for style in expected}) for i, frame in enumerate(ours)
            ]
            rows.append(
                {
                    "clip": clip.name,
                    "style": name,
                    "psnr_db": psnr(ours, expected[name]),
                    "ssim": ssim(ours, expected[name]),
                    "accuracy": sum(style == name for style in predicted) / len(predicted),
                    "predicted_style": max(set(predicted), key=predicted.count),
                }
            )
    return rows


def apply(target: StyleFunction, frames: Tensor) -> Tensor:
    """uint8 [N, 3, H, W] -> the style's target pictures [N, 3, H, W] in [0, 1]."""
    styled = np.stack([target(np.ascontiguousarray(frame.permute(1, 2, 0).numpy())) for frame in frames])
    return torch.from_numpy(styled).permute(0, 3, 1, 2).float() / 255


def nearest_style(frame: Tensor, expected: dict[str, Tensor]) -> str:
    """The style whose target [3, H, W] is nearest to the frame."""
    return min(expected, key=lambda style: float(((frame - expected[style]) ** 2).mean()))
