"""Part 3: what pruning costs in quality, and what each of the method's ideas is worth (the paper's ablation)."""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from lipar_cli.clips import Clip, edit, kept
from lipar_cli.evaluation.detectors import most_changed, pixel_change
from lipar_cli.evaluation.quality import Metric, flicker, psnr, ssim
from lipar_cli.evaluation.summary import Row
from lipar_core.config import Preset, default_parameters
from lipar_core.models import Models
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import Edited

ARMS = ("lipar", "naive", "pixel difference", "no long-term bound")
UNBOUNDED = 4.0  # tau2: nothing gets that far


def scaled(preset: Preset, scales: Iterable[float]) -> list[Pruning]:
    """The preset's thresholds, times each of the scales."""
    base = preset.pruning
    return [replace(base, tau=min(2.0, base.tau * scale), tau2=min(4.0, base.tau2 * scale)) for scale in scales]


def pruning(
    models: Models, clips: list[Clip], prompts: list[str], settings: list[Pruning], lpips: Metric | None = None
) -> list[Row]:
    """A row per clip, prompt, threshold and arm: quality against the unpruned output of the same seed.

    `naive` drops pruned tokens out of attention at the same masks; `pixel difference` finds as many tokens by the
    change of their pixels; `no long-term bound` has no tau2. The stream's first block, always unpruned, is not counted.
    """
    rows: list[Row] = []
    for clip in clips:
        for prompt in prompts:
            base = replace(default_parameters(models.preset), prompt=prompt)
            full = edit(models, clip, replace(base, pruning=replace(base.pruning, enabled=False)))
            for setting in settings:
                ours = edit(models, clip, replace(base, pruning=setting))
                for arm in ARMS:
                    pruned = _edit_arm(models, clip, replace(base, pruning=setting), arm, ours)
                    row: Row = {"clip": clip.name, "prompt": prompt, "arm": arm, "tau": setting.tau}
                    rows.append(row | _compare(models, clip, pruned, full, lpips))
    return rows


def gains(rows: list[Row], tau: float) -> dict[str, float]:
    """Per clip: PSNR with recovery less without, dB, at a threshold; the mean over prompts."""
    found: dict[str, list[float]] = {}
    at = {(row["clip"], row["prompt"], row["arm"]): row["psnr_db"] for row in rows if row["tau"] == tau}
    for (clip, prompt, arm), db in at.items():
        if arm == "lipar" and (clip, prompt, "naive") in at:
            found.setdefault(str(clip), []).append(float(db) - float(at[clip, prompt, "naive"]))  # type: ignore[arg-type]
    return {clip: sum(values) / len(values) for clip, values in found.items()}


def _edit_arm(models: Models, clip: Clip, parameters: Parameters, arm: str, ours: Edited[int]) -> Edited[int]:
    setting = parameters.pruning
    if arm == "lipar":
        return ours
    if arm == "naive":
        naive = edit(models, clip, replace(parameters, pruning=replace(setting, recovery=False)))
        assert naive.keep.equal(ours.keep), "the detector sees the source alone, so both arms have the same masks"
        return naive
    if arm == "no long-term bound":
        unbounded = replace(setting, tau2=UNBOUNDED, bound_drift=False)
        return edit(models, clip, replace(parameters, pruning=unbounded))
    masks = _pixel_masks(models, clip, ours)
    return edit(models, clip, parameters, lambda block: masks[block])


def _pixel_masks(models: Models, clip: Clip, ours: Edited[int]) -> list[Tensor]:
    """Keep masks [F, rows, cols] of every block, from the change of pixels alone, of as many tokens as `ours` kept."""
    stream, blocks = models.preset.stream, len(ours.blocks)
    missing = blocks * stream.frames_per_block - len(clip.frames)  # the session ends with padding: repeats, no change
    padded = torch.cat([clip.pixels, clip.pixels[-1:].expand(missing, -1, -1, -1)])
    moved = pixel_change(padded, stream.rows, stream.cols)
    share = (1 + kept(ours) * (blocks - 1)) / blocks
    return list(most_changed(moved, stream.block_frames, share).split(stream.block_frames))


def _compare(models: Models, clip: Clip, pruned: Edited[int], full: Edited[int], lpips: Metric | None) -> Row:
    start = models.preset.stream.frames_per_block
    ours, wanted, source = pruned.frames[start:], full.frames[start:], clip.pixels[start:]
    figures: Row = {
        "kept": kept(pruned),
        "psnr_db": psnr(ours, wanted),
        "ssim": ssim(ours, wanted),
        "flicker_ratio": flicker(ours, source) / flicker(wanted, source),
    }
    return figures | ({"lpips": lpips(ours, wanted)} if lpips else {})
