"""Part 3: what pruning costs in quality, and what each of the method's ideas is worth (the paper's ablation)."""

import dataclasses
from collections.abc import Iterable

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_cli.clips import Clip, kept
from lipar_cli.evaluation.detectors import most_changed, pixel_change
from lipar_cli.evaluation.latents import Recording, as_last_computed, film, record
from lipar_cli.evaluation.quality import Metric, flicker, psnr, ssim
from lipar_cli.evaluation.summary import Row, means
from lipar_core.config import Preset, default_parameters
from lipar_core.models import Models
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditedFrames

ARMS = ("lipar", "perfect recovery", "naive", "pixel difference", "no long-term bound")
UNBOUNDED = 4.0  # tau2: nothing gets that far


def scaled(preset: Preset, scales: Iterable[float]) -> list[Pruning]:
    """The detector `lipar` with the preset's thresholds, those of `anchor` too, times each of the scales."""
    base = replace(preset.pruning, detector="lipar")
    return [
        replace(
            base,
            threshold=min(64.0, base.threshold * scale),
            tau=min(2.0, base.tau * scale),
            tau2=min(4.0, base.tau2 * scale),
        )
        for scale in scales
    ]


def pruning(
    models: Models, clips: list[Clip], prompts: list[str], settings: list[Pruning], lpips: Metric | None = None
) -> list[Row]:
    """A row per clip, prompt, threshold and arm: quality against the unpruned output of the same seed.

    At the same masks, `perfect recovery` has what is computed as if nothing had been pruned, all that recovery can
    hope for, and `naive` drops pruned tokens out of attention; `pixel difference` finds as many tokens by the
    change of their pixels; `no long-term bound` has no tau2. The stream's first block, always unpruned, is not counted.
    """
    rows: list[Row] = []
    for clip in clips:
        for prompt in prompts:
            base = replace(default_parameters(models.preset), prompt=prompt)
            full = record(models, clip, replace(base, pruning=replace(base.pruning, enabled=False)))
            for setting in settings:
                ours = record(models, clip, replace(base, pruning=setting))
                for arm in ARMS:
                    pruned = _record_arm(models, clip, replace(base, pruning=setting), arm, ours, full)
                    row: Row = {"clip": clip.name, "prompt": prompt, "arm": arm, "tau": setting.tau}
                    rows.append(row | _compare(models, clip, pruned, full, lpips))
    return rows


def recovery(rows: list[Row], tau: float) -> list[Row]:
    """What attention recovery is worth at a threshold: a row per clip, dB over naive pruning, means over prompts.

    `gain_db` is of the whole picture, most of whose error is in pruned tokens; `perfect_gain_db` is that of
    perfect recovery; `computed_gain_db` is of what was computed alone.
    """
    at = {(row["clip"], row["arm"]): row for row in means([row for row in rows if row["tau"] == tau], ["clip", "arm"])}
    found: list[Row] = []
    for clip in dict.fromkeys(clip for clip, _ in at):
        ours, perfect, naive = (at[clip, arm] for arm in ("lipar", "perfect recovery", "naive"))
        pairs = {
            "gain_db": (ours, naive, "psnr_db"),
            "perfect_gain_db": (perfect, naive, "psnr_db"),
            "computed_gain_db": (ours, naive, "computed_psnr_db"),
        }
        found.append({"clip": clip} | {name: a[key] - b[key] for name, (a, b, key) in pairs.items()})  # type: ignore[operator]
    return found


def _record_arm(
    models: Models, clip: Clip, parameters: Parameters, arm: str, ours: Recording, full: Recording
) -> Recording:
    setting = parameters.pruning
    if arm == "lipar":
        return ours
    if arm == "perfect recovery":
        x0 = as_last_computed(full.x0, ours.computed)
        return Recording(dataclasses.replace(ours.edited, frames=film(models, x0, len(clip.frames))), x0, ours.computed)
    if arm == "naive":
        naive = record(models, clip, replace(parameters, pruning=replace(setting, recovery=False)))
        assert naive.computed.equal(ours.computed), "the detector sees the source alone: both arms have the same masks"
        return naive
    if arm == "no long-term bound":
        unbounded = replace(setting, tau2=UNBOUNDED, bound_drift=False)
        return record(models, clip, replace(parameters, pruning=unbounded))
    masks = _pixel_masks(models, clip, ours.edited)
    return record(models, clip, parameters, lambda block: masks[block])


def _pixel_masks(models: Models, clip: Clip, ours: EditedFrames[int]) -> list[Tensor]:
    """Keep masks [F, rows, cols] of every block, from the change of pixels alone, of as many tokens as `ours` kept."""
    stream, blocks = models.preset.stream, len(ours.blocks)
    missing = blocks * stream.frames_per_block - len(clip.frames)  # the session ends with padding: repeats, no change
    padded = torch.cat([clip.pixels, clip.pixels[-1:].expand(missing, -1, -1, -1)])
    moved = pixel_change(padded, stream.rows, stream.cols)
    share = (1 + kept(ours) * (blocks - 1)) / blocks
    return list(most_changed(moved, stream.block_frames, share).split(stream.block_frames))


def _compare(models: Models, clip: Clip, pruned: Recording, full: Recording, lpips: Metric | None) -> Row:
    start = models.preset.stream.frames_per_block
    x0 = torch.where(pruned.computed[..., None], pruned.x0, full.x0)  # pruned tokens without error
    computed = film(models, x0, len(clip.frames))[start:]
    ours, wanted, source = pruned.edited.frames[start:], full.edited.frames[start:], clip.pixels[start:]
    figures: Row = {
        "kept": kept(pruned.edited),
        "psnr_db": psnr(ours, wanted),
        "computed_psnr_db": psnr(computed, wanted),
        "ssim": ssim(ours, wanted),
        "flicker_ratio": flicker(ours, source) / flicker(wanted, source),
    }
    return figures | ({"lpips": lpips(ours, wanted)} if lpips else {})
