"""What the model makes of clips that it never saw: a picture to look at, and a figure per style."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from lipar_cli.evaluation.quality import psnr
from lipar_cli.evaluation.styles import STYLES, apply
from lipar_core.config import Preset, default_parameters
from lipar_core.models import Models
from lipar_core.parameters import merge
from lipar_core.session import EditSession
from lipar_core.taehv import TAEHV
from training.codec import as_tensor
from training.editor import Editor
from training.media import Clip
from training.prompts import NAMES

FRAMES = 24  # of each clip
COLUMNS = 6  # styles side by side


def write_samples(
    preset: Preset, codec: TAEHV, editor: Editor, clips: Mapping[str, Clip], path: Path
) -> dict[str, float]:
    """Edit the clips in every style as the product does, unpruned; returns PSNR to the style's target, dB."""
    models = Models(preset, codec, editor.dit, editor.text, torch.device("cpu"), torch.float32)
    figures: dict[str, float] = {}
    columns: list[Clip] = []
    for style in STYLES:
        prompt = NAMES[style][0] if style in NAMES else "no change"
        settings = merge(default_parameters(preset), {"prompt": prompt, "pruning": {"enabled": False}})
        found, pictures = [], []
        for clip in clips.values():
            session: EditSession[int] = EditSession(models, settings)
            part = clip[:FRAMES]
            edited = session.push(torch.from_numpy(part).permute(0, 3, 1, 2), range(len(part))).frames
            target = as_tensor(apply(style, part))
            found.append(psnr(edited, target[: len(edited)]))
            pictures.append((edited[-1].permute(1, 2, 0).numpy() * 255).astype(np.uint8))
        figures[style] = sum(found) / len(found)
        columns.append(np.concatenate(pictures, axis=0))
    blank = np.zeros_like(columns[0])
    columns += [blank] * (-len(columns) % COLUMNS)
    rows = [np.concatenate(columns[i : i + COLUMNS], axis=1) for i in range(0, len(columns), COLUMNS)]
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    return figures
