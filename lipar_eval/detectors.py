"""Part 4: detectors against each other: error of the tokens that they reuse, and distance to the unpruned output."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters, Pruning
from lipar_core.patches import patchify
from lipar_core.presets import default_parameters
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.pruning.lipar import LiparDetector
from lipar_core.stream.flicker_filter import FlickerFilter
from lipar_eval.autoencoder import token_pixels
from lipar_eval.clips import Clip
from lipar_eval.edited_clips import edit_clip
from lipar_eval.keep_masks import published_detector, temporal_distance
from lipar_eval.quality import psnr, seam_ratio
from lipar_eval.source_conditions import CONDITIONS
from lipar_eval.summary import Row

DETECTORS = ("anchor", "lipar", "published")
PUBLISHED_FACTOR = 0.5  # times tau: without a bound on drift, it keeps about as many tokens as `lipar` at tau
WORST_QUANTILE = 0.995

MaskFunction = Callable[[float], Tensor]  # scale of the thresholds -> keep [F, rows, cols]


@torch.inference_mode()
def detectors(models: Models, clips: Sequence[Clip], scales: Sequence[float], prompt: str | None = None) -> list[Row]:
    """A row per clip, condition of the source, detector and scale of its thresholds. The first block is excluded.

    `held_db`: PSNR of the source with every token held since it was last kept. `worst`: the 99.5th percentile of its
    tokens' RMS errors, levels of 255; `worst_content`: the same masks on the clean clip, where noise is no error.
    With a prompt also the edited clip: `output_db`: PSNR to the unpruned output, without smoothing; `output_worst`: the
    99.5th percentile of its tokens' RMS errors; `smoothed_db`: PSNR with the preset's smoothing; `seam`: gradient
    across borders between kept and reused tokens, over that of the unpruned output.
    """
    rows: list[Row] = []
    for clip in clips:
        clean = whole_blocks(models, clip)
        for condition, delivered in CONDITIONS.items():
            source = delivered(clean)
            measure_output = None if prompt is None else _output_metrics(models, source, prompt)
            for name, mask in keep_masks(models, source).items():
                for scale in scales:
                    keep = mask(scale)
                    row: Row = {"clip": clip.name, "source": condition, "detector": name, "scale": scale}
                    row |= _held_metrics(models, source, clean, keep)
                    rows.append(row | (measure_output(name, keep) if measure_output else {}))
    return rows


def whole_blocks(models: Models, clip: Clip) -> Clip:
    """The clip without frames at its end that fill no block."""
    size = models.preset.stream.frames_per_block
    return Clip(clip.name, clip.frames[: len(clip.frames) // size * size])


def scaled(base: Pruning, scale: float) -> Pruning:
    """All thresholds times the scale, within their ranges."""
    return replace(
        base,
        threshold=min(64.0, base.threshold * scale),
        tau=min(2.0, base.tau * scale),
        tau2=min(4.0, base.tau2 * scale),
    )


def keep_masks(models: Models, clip: Clip) -> dict[str, MaskFunction]:
    """The masks of each detector, as functions of the scale of the preset's thresholds."""
    stream = models.preset.stream
    pruning = models.preset.pruning
    latents, _ = models.codec.encode(clip.pixels[None].to(models.device, models.precision.convolution))
    picture = models.codec.picture(latents)[0].float().cpu()
    distance = temporal_distance(patchify(picture, stream.patch)).view(-1, stream.rows, stream.cols)

    def anchor(scale: float) -> Tensor:
        detector = AnchorDetector(stream.rows, stream.cols, stream.block_frames, stream.frames_per_latent)
        return detector(clip.pixels, scaled(pruning, scale))

    def lipar(scale: float) -> Tensor:
        detector = LiparDetector(stream.rows, stream.cols, stream.block_frames, stream.patch)
        return detector(picture, scaled(pruning, scale))

    def published(scale: float) -> Tensor:
        return published_detector(distance, stream.block_frames, PUBLISHED_FACTOR * pruning.tau * scale)

    return dict(zip(DETECTORS, (anchor, lipar, published), strict=True))


def _held_metrics(models: Models, source: Clip, clean: Clip, keep: Tensor) -> Row:
    stream = models.preset.stream
    tokens, contents = (token_pixels(clip.pixels, stream) for clip in (source, clean))
    kept = keep.flatten(1)
    first = stream.block_frames
    held = hold_pruned(tokens, kept)[first:]
    return {
        "kept": float(keep[first:].float().mean()),
        "held_db": psnr(held, tokens[first:]),
        "worst": worst_token(held, tokens[first:]),
        "worst_content": worst_token(hold_pruned(contents, kept)[first:], contents[first:]),
    }


def worst_token(a: Tensor, b: Tensor) -> float:
    """The 99.5th percentile of the tokens' RMS differences [F, T, values], levels of 255."""
    worst = float((a - b).square().mean(dim=-1).quantile(WORST_QUANTILE))
    return math.sqrt(worst) * 255


def hold_pruned(pixels: Tensor, keep: Tensor) -> Tensor:
    """[F, T, values] with every token held since it was last kept, keep [F, T]."""
    shown = [pixels[0]]
    for now, kept in zip(pixels[1:], keep[1:], strict=True):
        shown.append(torch.where(kept[:, None], now, shown[-1]))
    return torch.stack(shown)


def _output_metrics(models: Models, clip: Clip, prompt: str) -> Callable[[str, Tensor], Row]:
    """A function that edits the clip with a detector's mask [F, rows, cols] and compares the result with the unpruned.

    With the masks of `anchor` reused tokens follow the source as the preset says, with the others' they never do.
    """
    base = replace(default_parameters(models.preset), prompt=prompt, smoothing=0.0)
    base = replace(base, pruning=replace(base.pruning, refresh_last_frame=False))
    full = edit_clip(models, clip, replace(base, pruning=replace(base.pruning, enabled=False))).frames
    return partial(_compare_outputs, models, clip, base, full, _smoothed(models, clip, full))


def _compare_outputs(
    models: Models, clip: Clip, base: Parameters, full: Tensor, smoothed_full: Tensor, detector: str, keep: Tensor
) -> Row:
    stream = models.preset.stream
    kind: Literal["anchor", "lipar"] = "anchor" if detector == "anchor" else "lipar"
    parameters = replace(base, pruning=replace(base.pruning, detector=kind))
    blocks = keep.split(stream.block_frames)
    last = len(blocks) - 1  # a decoder with a lag takes a block more, of repeated frames
    frames = edit_clip(models, clip, parameters, lambda number: blocks[min(number, last)]).frames
    smoothed = _smoothed(models, clip, frames)
    first = stream.frames_per_block
    return {
        "output_db": psnr(frames[first:], full[first:]),
        "output_worst": worst_token(*(token_pixels(video[first:], stream) for video in (frames, full))),
        "smoothed_db": psnr(smoothed[first:], smoothed_full[first:]),
        "seam": seam_ratio(frames[first:], full[first:], keep[stream.block_frames :]),
    }


def _smoothed(models: Models, clip: Clip, frames: Tensor) -> Tensor:
    """The edited frames after the preset's smoothing."""
    copy = frames.clone()
    FlickerFilter()(copy, clip.pixels, models.preset.smoothing, 0.0)
    return copy
