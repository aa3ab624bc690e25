"""Part 3: the quality lost by pruning, and the contribution of the method's parts (the paper's ablation)."""

import dataclasses
from collections.abc import Iterable

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.config import Preset
from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters, Pruning
from lipar_core.presets import default_parameters
from lipar_core.stream.output import EditedFrames
from lipar_eval.clips import Clip
from lipar_eval.detectors import scaled as scaled_pruning
from lipar_eval.edited_clips import mean_keep_ratio
from lipar_eval.keep_masks import largest_changes, pixel_change
from lipar_eval.latents import Recording, as_last_computed, decode_video, record
from lipar_eval.quality import Metric, flicker, psnr, ssim
from lipar_eval.summary import Row, means

VARIANTS = ("lipar", "perfect recovery", "naive", "pixel difference", "no long-term bound")
UNBOUNDED = 4.0  # tau2: never exceeded


def scaled(preset: Preset, scales: Iterable[float]) -> list[Pruning]:
    """The detector `lipar` with the preset's thresholds (including `anchor`'s) times each of the scales."""
    base = replace(preset.pruning, detector="lipar")
    return [scaled_pruning(base, scale) for scale in scales]


def pruning(
    models: Models, clips: list[Clip], prompts: list[str], settings: list[Pruning], lpips: Metric | None = None
) -> list[Row]:
    """A row per clip, prompt, threshold and variant: quality against the unpruned output of the same seed.

    With the same masks, `perfect recovery` computes kept tokens as if nothing had been pruned (the upper bound) and
    `naive` drops pruned tokens from attention; `pixel difference` keeps the same number of tokens by the change of
    their pixels; `no long-term bound` has no tau2. The stream's first block, always unpruned, is excluded.
    """
    rows: list[Row] = []
    for clip in clips:
        for prompt in prompts:
            base = replace(default_parameters(models.preset), prompt=prompt)
            full = record(models, clip, replace(base, pruning=replace(base.pruning, enabled=False)))
            for setting in settings:
                ours = record(models, clip, replace(base, pruning=setting))
                for variant in VARIANTS:
                    pruned = _record_variant(models, clip, replace(base, pruning=setting), variant, ours, full)
                    row: Row = {"clip": clip.name, "prompt": prompt, "variant": variant, "tau": setting.tau}
                    rows.append(row | _compare(models, clip, pruned, full, lpips))
    return rows


def recovery(rows: list[Row], tau: float) -> list[Row]:
    """The gain of attention recovery at a threshold: a row per clip, dB over naive pruning, means over prompts.

    `gain_db` is of the whole picture, most of whose error is in pruned tokens; `perfect_gain_db` is that of
    perfect recovery; `computed_gain_db` is that of the computed tokens only.
    """
    at = {
        (row["clip"], row["variant"]): row
        for row in means([row for row in rows if row["tau"] == tau], ["clip", "variant"])
    }
    gains: list[Row] = []
    for clip in dict.fromkeys(clip for clip, _ in at):
        ours, perfect, naive = (at[clip, variant] for variant in ("lipar", "perfect recovery", "naive"))
        pairs = {
            "gain_db": (ours, naive, "psnr_db"),
            "perfect_gain_db": (perfect, naive, "psnr_db"),
            "computed_gain_db": (ours, naive, "computed_psnr_db"),
        }
        gains.append({"clip": clip} | {name: a[key] - b[key] for name, (a, b, key) in pairs.items()})  # type: ignore[operator]
    return gains


def _record_variant(
    models: Models, clip: Clip, parameters: Parameters, variant: str, ours: Recording, full: Recording
) -> Recording:
    setting = parameters.pruning
    if variant == "lipar":
        return ours
    if variant == "perfect recovery":
        x0 = as_last_computed(full.x0, ours.computed)
        return Recording(
            dataclasses.replace(ours.edited, frames=decode_video(models, x0, len(clip.frames))), x0, ours.computed
        )
    if variant == "naive":
        naive = record(models, clip, replace(parameters, pruning=replace(setting, recovery=False)))
        assert naive.computed.equal(ours.computed), (
            "the detector reads only the source: both variants have the same masks"
        )
        return naive
    if variant == "no long-term bound":
        unbounded = replace(setting, tau2=UNBOUNDED, bound_drift=False)
        return record(models, clip, replace(parameters, pruning=unbounded))
    masks = _pixel_masks(models, clip, ours.edited)
    return record(models, clip, parameters, lambda block: masks[block])


def _pixel_masks(models: Models, clip: Clip, ours: EditedFrames[int]) -> list[Tensor]:
    """Keep masks [F, rows, cols] of every block from the pixel change alone, with the keep ratio of `ours`."""
    stream = models.preset.stream
    blocks = len(ours.blocks)
    missing = blocks * stream.frames_per_block - len(clip.frames)  # the session pads its last block with repeats
    padded = torch.cat([clip.pixels, clip.pixels[-1:].expand(missing, -1, -1, -1)])
    moved = pixel_change(padded, stream)
    keep_ratio = (1 + mean_keep_ratio(ours) * (blocks - 1)) / blocks
    return list(largest_changes(moved, stream.block_frames, keep_ratio).split(stream.block_frames))


def _compare(models: Models, clip: Clip, pruned: Recording, full: Recording, lpips: Metric | None) -> Row:
    start = models.preset.stream.frames_per_block
    x0 = torch.where(pruned.computed[..., None], pruned.x0, full.x0)  # pruned tokens without error
    computed = decode_video(models, x0, len(clip.frames))[start:]
    ours = pruned.edited.frames[start:]
    expected = full.edited.frames[start:]
    source = clip.pixels[start:]
    metrics: Row = {
        "kept": mean_keep_ratio(pruned.edited),
        "psnr_db": psnr(ours, expected),
        "computed_psnr_db": psnr(computed, expected),
        "ssim": ssim(ours, expected),
        "flicker_ratio": flicker(ours, source) / flicker(expected, source),
    }
    return metrics | ({"lpips": lpips(ours, expected)} if lpips else {})
