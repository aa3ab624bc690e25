"""Part 1: the codec's loss, and the correlation between changes of its latents and of the pixels."""

import torch
from torch import Tensor

from lipar_core.models.registry import Models
from lipar_core.patches import patchify
from lipar_eval.clips import Clip
from lipar_eval.quality import correlation, flicker, psnr, ssim
from lipar_eval.summary import Row

FRAMES = 4  # per latent frame


@torch.inference_mode()
def autoencoder(models: Models, clips: list[Clip]) -> list[Row]:
    """A row per clip: PSNR, SSIM, flicker of the source and of the decoded clip, pixel/latent correlation."""
    rows: list[Row] = []
    for clip in clips:
        source = clip.pixels[: len(clip.frames) // FRAMES * FRAMES]
        latents, _ = models.codec.encode(source[None].to(models.device, models.precision.convolution))
        raw, _ = models.codec.decode(latents)
        lag = models.preset.codec.lag_frames
        decoded, source = raw[0, lag:].float().cpu().clamp(0, 1), source[: raw.shape[1] - lag]
        rows.append(
            {
                "clip": clip.name,
                "psnr_db": psnr(decoded, source),
                "ssim": ssim(decoded, source),
                "source_flicker": flicker(source, source),
                "flicker": flicker(decoded, source),
                "correlation": change_correlation(models, clip.pixels, models.codec.picture(latents)[0].float().cpu()),
            }
        )
    return rows


def change_correlation(models: Models, source: Tensor, latents: Tensor) -> float:
    """Pearson's correlation, over tokens, of the change of pixels and of latents between latent frames."""
    stream = models.preset.stream
    pixels = token_pixels(source, stream.rows, stream.cols)
    tokens = patchify(latents, stream.patch)  # [F, T, P]
    changes = [x.diff(dim=0).abs().mean(dim=-1).flatten() for x in (pixels, tokens)]
    return correlation(*changes)


def token_pixels(source: Tensor, rows: int, cols: int) -> Tensor:
    """The pixels of each token: [N, 3, H, W] -> [N // 4, T, values]."""
    count, channels, height, width = source.shape
    frames = source[: count // FRAMES * FRAMES].view(-1, FRAMES, channels, rows, height // rows, cols, width // cols)
    return frames.permute(0, 3, 5, 1, 2, 4, 6).flatten(3).flatten(1, 2)
