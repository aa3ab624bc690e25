"""Part 4: the detector as a codec. How wrong is what it says need not be computed?"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_cli.clips import Clip
from lipar_cli.evaluation.autoencoder import FRAMES, token_pixels
from lipar_cli.evaluation.quality import psnr
from lipar_cli.evaluation.summary import Row
from lipar_core.models import Models
from lipar_core.parameters import Pruning
from lipar_core.patches import patchify
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.pruning.lipar import LiparDetector, trimmed_distance
from lipar_core.pruning.masks import clean_mask, gaussian3x3
from lipar_core.taehv import CodecState

ARMS = ("anchor", "lipar", "published", "pixels")
BISECTIONS = 24
NOISES = (0.0, 5.0)  # levels of 255: as the clip is, and as a webcam in dim light would give it
WORST = 0.995  # quantile


@torch.inference_mode()
def detectors(models: Models, clips: list[Clip], settings: list[Pruning]) -> list[Row]:
    """A row per clip, noise and setting: of each detector the share kept, and how far the stale source is from it.

    `anchor` and `lipar` have their own thresholds of the setting; `published` and `pixels` keep as much as `lipar`.
    `db` is the PSNR of the source with every token as it was when last kept, `worst` the largest 0.5 % of its tokens'
    RMS errors, levels of 255. The first latent frame, always kept, is not counted.
    """
    rows: list[Row] = []
    for clip in clips:
        for sigma in NOISES:
            given = noisy(clip, sigma)
            pixels, masks_of = _source(models, given)
            for pruning in settings:
                row: Row = {"clip": clip.name, "noise": sigma, "tau": pruning.tau, "threshold": pruning.threshold}
                for name, mask in masks_of(pruning).items():
                    row |= {f"{name}_{figure}": value for figure, value in _figures(pixels, mask).items()}
                rows.append(row)
    return rows


def noisy(clip: Clip, sigma: float) -> Clip:
    """The clip as a camera of that noise, levels of 255, would give it."""
    draw = torch.Generator().manual_seed(1)
    noise = sigma * torch.randn(clip.frames.shape, generator=draw)
    return Clip(clip.name, (clip.frames + noise).round().clamp(0, 255).byte())


def _source(models: Models, clip: Clip) -> tuple[Tensor, Callable[[Pruning], dict[str, Tensor]]]:
    """The pixels of every token [F, T, values], and what gives each detector's keep masks [F, rows, cols]."""
    stream = models.preset.stream
    latents, _ = models.codec.encode(clip.pixels[None].to(models.device, models.precision.convolution), CodecState())
    latents = models.codec.picture(latents)[0].float().cpu()
    source = clip.pixels[: len(latents) * FRAMES]
    change = _short_term(patchify(latents, stream.patch)).view(-1, stream.rows, stream.cols)
    moved = pixel_change(source, stream.rows, stream.cols)

    def masks(pruning: Pruning) -> dict[str, Tensor]:
        lipar = LiparDetector(stream.rows, stream.cols, stream.block_frames, stream.patch)(latents, pruning)
        share = float(lipar.float().mean())
        return {
            "anchor": AnchorDetector(stream.rows, stream.cols, stream.block_frames)(source, pruning),
            "lipar": lipar,
            "published": at_share(partial(published, change, stream.block_frames), share),
            "pixels": most_changed(moved, stream.block_frames, share),
        }

    return token_pixels(source, stream.rows, stream.cols), masks


def _figures(pixels: Tensor, keep: Tensor) -> Row:
    shown = stale(pixels, keep.flatten(1))
    error = (shown - pixels).square().mean(dim=-1)[1:]
    worst = float(error.quantile(WORST)) ** 0.5 * 255
    return {"kept": float(keep[1:].float().mean()), "db": psnr(shown[1:], pixels[1:]), "worst": worst}


def stale(pixels: Tensor, keep: Tensor) -> Tensor:
    """[F, T, values] with every token as it was when it was last kept, keep [F, T]."""
    shown = [pixels[0]]
    for now, kept in zip(pixels[1:], keep[1:], strict=True):
        shown.append(torch.where(kept[:, None], now, shown[-1]))
    return torch.stack(shown)


def pixel_change(source: Tensor, rows: int, cols: int) -> Tensor:
    """Mean absolute difference to the frame before, in every token's pixels: [N // 4, rows, cols]."""
    before = torch.cat([source[:1], source[:-1]])
    return token_pixels((source - before).abs(), rows, cols).mean(dim=-1).view(-1, rows, cols)


def published(change: Tensor, block_frames: int, tau: float) -> Tensor:
    """The published detector as described (design section 4.1): change [F, rows, cols] -> keep.

    Its median and its dilation reach into the frame after, and nothing bounds drift while streaming.
    """
    padded = F.pad(change[None, None], (1, 1, 1, 1, 1, 1), mode="replicate")[0, 0]
    cubes = padded.unfold(0, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1).flatten(3)
    smooth = _with_before(gaussian3x3(cubes.median(dim=-1).values))
    raw = torch.stack([clean_mask(frame > tau) for frame in smooth])
    wide = F.max_pool3d(raw[None, None].float(), (3, 5, 5), stride=1, padding=(1, 2, 2))[0, 0] > 0
    return first_block(wide, block_frames)


def most_changed(change: Tensor, block_frames: int, share: float) -> Tensor:
    """A stream's first block and, of the rest, the tokens that change most, to the share in all: [F, rows, cols]."""
    score = torch.where(first_block(torch.zeros_like(change).bool(), block_frames), torch.inf, change).flatten()
    keep = torch.zeros_like(score, dtype=torch.bool)
    keep[score.topk(round(share * len(score))).indices] = True
    return keep.view_as(change)


def first_block(keep: Tensor, block_frames: int) -> Tensor:
    """The mask with a stream's first block in full."""
    return torch.cat([torch.ones_like(keep[:block_frames]), keep[block_frames:]])


def at_share(mask: Callable[[float], Tensor], share: float) -> Tensor:
    """The mask at the largest threshold at which it keeps at least the share (bisection: masks shrink as it grows)."""
    low, high = 0.0, 4.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if float(mask(middle).float().mean()) >= share else (low, middle)
    return mask(low)


def _short_term(patches: Tensor) -> Tensor:
    """[F, T, P] -> trimmed distance to the frame before [F, T], 0 for the first."""
    return torch.cat([torch.zeros_like(patches[:1, :, 0]), trimmed_distance(patches[1:], patches[:-1])])


def _with_before(x: Tensor) -> Tensor:
    """A Gaussian over {t-1, t} with sigma 1.5, [F, rows, cols]."""
    weight = torch.exp(torch.tensor(-1 / (2 * 1.5**2)))
    return (x + weight * torch.cat([x[:1], x[:-1]])) / (1 + weight)
