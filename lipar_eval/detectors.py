"""Part 4: the detector as a codec: the error of the tokens that it does not recompute."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.kernels.trimmed_distance import trimmed_distance
from lipar_core.models.loading import Models
from lipar_core.parameters import Pruning
from lipar_core.patches import patchify
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.pruning.lipar import LiparDetector
from lipar_core.pruning.masks import clean_mask, gaussian3x3
from lipar_eval.autoencoder import token_pixels, whole_latents
from lipar_eval.clips import Clip
from lipar_eval.quality import psnr
from lipar_eval.summary import Row

VARIANTS = ("anchor", "lipar", "published", "pixels")
BISECTIONS = 24
NOISES = (0.0, 5.0)  # levels of 255: the clip itself, and with noise like a webcam's in dim light
WORST_QUANTILE = 0.995  # quantile


@torch.inference_mode()
def detectors(models: Models, clips: list[Clip], settings: list[Pruning]) -> list[Row]:
    """A row per clip, noise and setting: each detector's keep ratio and the error of the source with held tokens.

    `anchor` and `lipar` use the setting's thresholds; `published` and `pixels` have the keep ratio of `lipar`.
    `db` is the PSNR of the source with every token held since it was last kept, `worst` the 99.5th percentile of its
    tokens' RMS errors, levels of 255. The first latent frame, always kept, is excluded.
    """
    rows: list[Row] = []
    for clip in clips:
        for sigma in NOISES:
            pixels, masks_of = _source(models, noisy(clip, sigma))
            for pruning in settings:
                row: Row = {"clip": clip.name, "noise": sigma, "tau": pruning.tau, "threshold": pruning.threshold}
                for name, mask in masks_of(pruning).items():
                    row |= {f"{name}_{metric}": value for metric, value in _metrics(pixels, mask).items()}
                rows.append(row)
    return rows


def noisy(clip: Clip, sigma: float) -> Clip:
    """The clip with Gaussian noise of `sigma` levels of 255."""
    draw = torch.Generator().manual_seed(1)
    noise = sigma * torch.randn(clip.frames.shape, generator=draw)
    return Clip(clip.name, (clip.frames + noise).round().clamp(0, 255).byte())


def _source(models: Models, clip: Clip) -> tuple[Tensor, Callable[[Pruning], dict[str, Tensor]]]:
    """The pixels of every token [F, T, values], and a function for the detectors' keep masks [F, rows, cols]."""
    stream = models.preset.stream
    latents, _ = models.codec.encode(clip.pixels[None].to(models.device, models.precision.convolution))
    latents = models.codec.picture(latents)[0].float().cpu()
    source = whole_latents(clip.pixels, stream)
    distance = _temporal_distance(patchify(latents, stream.patch)).view(-1, stream.rows, stream.cols)
    moved = pixel_change(source, stream)

    def masks(pruning: Pruning) -> dict[str, Tensor]:
        lipar = LiparDetector(stream.rows, stream.cols, stream.block_frames, stream.patch)(latents, pruning)
        keep_ratio = float(lipar.float().mean())
        anchor = AnchorDetector(stream.rows, stream.cols, stream.block_frames, stream.frames_per_latent)
        return {
            "anchor": anchor(source, pruning),
            "lipar": lipar,
            "published": at_keep_ratio(partial(published_detector, distance, stream.block_frames), keep_ratio),
            "pixels": largest_changes(moved, stream.block_frames, keep_ratio),
        }

    return token_pixels(source, stream), masks


def _metrics(pixels: Tensor, keep: Tensor) -> Row:
    shown = hold_pruned(pixels, keep.flatten(1))
    error = (shown - pixels).square().mean(dim=-1)[1:]
    worst = float(error.quantile(WORST_QUANTILE)) ** 0.5 * 255
    return {"kept": float(keep[1:].float().mean()), "db": psnr(shown[1:], pixels[1:]), "worst": worst}


def hold_pruned(pixels: Tensor, keep: Tensor) -> Tensor:
    """[F, T, values] with every token held since it was last kept, keep [F, T]."""
    shown = [pixels[0]]
    for now, kept in zip(pixels[1:], keep[1:], strict=True):
        shown.append(torch.where(kept[:, None], now, shown[-1]))
    return torch.stack(shown)


def pixel_change(source: Tensor, stream: StreamConfig) -> Tensor:
    """Mean absolute difference to the previous frame, per token: [F, rows, cols]."""
    before = torch.cat([source[:1], source[:-1]])
    return token_pixels((source - before).abs(), stream).mean(dim=-1).view(-1, stream.rows, stream.cols)


def published_detector(change: Tensor, block_frames: int, tau: float) -> Tensor:
    """The paper's detector (arXiv 2603.05811): change [F, rows, cols] -> keep.

    Its median and its dilation use the next frame, and its drift is not bounded while streaming.
    """
    padded = F.pad(change[None, None], (1, 1, 1, 1, 1, 1), mode="replicate")[0, 0]
    cubes = padded.unfold(0, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1).flatten(3)
    smooth = _smooth_in_time(gaussian3x3(cubes.median(dim=-1).values))
    raw = torch.stack([clean_mask(frame > tau) for frame in smooth])
    wide = F.max_pool3d(raw[None, None].float(), (3, 5, 5), stride=1, padding=(1, 2, 2))[0, 0] > 0
    return first_block(wide, block_frames)


def largest_changes(change: Tensor, block_frames: int, keep_ratio: float) -> Tensor:
    """A stream's first block and then the tokens that change most, up to `keep_ratio` in all: [F, rows, cols]."""
    score = torch.where(first_block(torch.zeros_like(change).bool(), block_frames), torch.inf, change).flatten()
    keep = torch.zeros_like(score, dtype=torch.bool)
    keep[score.topk(round(keep_ratio * len(score))).indices] = True
    return keep.view_as(change)


def first_block(keep: Tensor, block_frames: int) -> Tensor:
    """The mask with the stream's first block kept in full."""
    return torch.cat([torch.ones_like(keep[:block_frames]), keep[block_frames:]])


def at_keep_ratio(mask: Callable[[float], Tensor], keep_ratio: float) -> Tensor:
    """The mask at the largest threshold that keeps at least `keep_ratio`, by bisection."""
    low, high = 0.0, 4.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if float(mask(middle).float().mean()) >= keep_ratio else (low, middle)
    return mask(low)


def _temporal_distance(patches: Tensor) -> Tensor:
    """[F, T, P] -> trimmed distance to the previous frame [F, T], 0 for the first."""
    return torch.cat([torch.zeros_like(patches[:1, :, 0]), trimmed_distance(patches[1:], patches[:-1])])


def _smooth_in_time(x: Tensor) -> Tensor:
    """A Gaussian over {t-1, t} with sigma 1.5, [F, rows, cols]."""
    weight = torch.exp(torch.tensor(-1 / (2 * 1.5**2)))
    return (x + weight * torch.cat([x[:1], x[:-1]])) / (1 + weight)
