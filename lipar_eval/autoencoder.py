"""Part 1: the codec's loss, and the correlation between changes of its latents and of the pixels."""

import torch
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.models.loading import Models
from lipar_core.patches import patchify
from lipar_eval.clips import Clip
from lipar_eval.quality import correlation, flicker, psnr, ssim
from lipar_eval.summary import Row


@torch.inference_mode()
def autoencoder(models: Models, clips: list[Clip]) -> list[Row]:
    """A row per clip: PSNR, SSIM, flicker of the source and of the decoded clip, pixel/latent correlation."""
    rows: list[Row] = []
    for clip in clips:
        source = whole_latents(clip.pixels, models.preset.stream)
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
    pixels = token_pixels(source, stream)
    tokens = patchify(latents, stream.patch)  # [F, T, P]
    changes = [x.diff(dim=0).abs().mean(dim=-1).flatten() for x in (pixels, tokens)]
    return correlation(*changes)


def whole_latents(source: Tensor, stream: StreamConfig) -> Tensor:
    """source [N, 3, H, W] without frames at the end that fill no latent frame."""
    return source[: len(source) // stream.frames_per_latent * stream.frames_per_latent]


def token_pixels(source: Tensor, stream: StreamConfig) -> Tensor:
    """The pixels of each token: [N, 3, H, W] -> [F, T, values]."""
    size = stream.token_size
    shape = (-1, stream.frames_per_latent, source.shape[1], stream.rows, size, stream.cols, size)
    return whole_latents(source, stream).view(shape).permute(0, 3, 5, 1, 2, 4, 6).flatten(3).flatten(1, 2)
