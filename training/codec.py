"""Training of the autoencoder."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lipar_core.checkpoints.checkpoint_file import StateDict
from lipar_core.checkpoints.key_names import select_network
from lipar_core.checkpoints.weights import load_into
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_eval.quality import psnr
from training import checkpoint
from training.media import Clip
from training.pca_codec import start_as_pca
from training.picture_loss import picture_loss
from training.recipe import CodecRecipe

SAVE_EVERY = 200  # steps
SSIM_WEIGHT = 0.1  # weight of SSIM in the loss
STATIC_THRESHOLD = 2 / 255  # a pixel that changes less between frames is static


def train_codec(
    config: TAEHVConfig,
    recipe: CodecRecipe,
    clips: list[Clip],
    check: Mapping[str, Clip],
    seed: int,
    path: Path,
    initial: StateDict | None = None,
) -> TAEHV:
    """Train from PCA of the clips, or resume from `path`; logs the PSNR of the `check` clips.

    If `initial`, the bundle of an earlier run, is given, its autoencoder is returned without training.
    """
    torch.manual_seed(seed)
    codec = TAEHV(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU
    if initial is not None:
        load_into(codec, select_network(initial, "codec"), "the initial weights")
        return codec.eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(codec.parameters(), lr=recipe.rate, betas=(0.9, 0.99), weight_decay=0.0)
    done = 0
    if state := checkpoint.load(path):
        codec.load_state_dict(state["codec"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["step"]
    else:
        start_as_pca(codec, _samples(clips, seed))
        print(f"codec initialised by PCA: {_report(codec, check)}", flush=True)
    for step in range(done, recipe.steps):
        optimizer.param_groups[0]["lr"] = _learning_rate(recipe, step)
        loss = _loss(codec, _batch(clips, recipe, np.random.default_rng((seed, step))), recipe.latent_noise)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps:
            print(f"codec step {step + 1}: loss {loss.item():.4f}, {_report(codec, check)}", flush=True)
            state = {"codec": codec.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            checkpoint.save(path, state)
    return codec.eval().requires_grad_(False)


def as_tensor(clip: Clip) -> Tensor:
    """uint8 [N, H, W, 3] -> float [N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2).float() / 255


def _samples(clips: list[Clip], seed: int) -> Tensor:
    """Four frames of every clip, cropped to the smallest clip's size: [N, 3, H, W]."""
    height, width = np.min([clip.shape[1:3] for clip in clips], axis=0)
    starts = np.random.default_rng(seed).integers(0, [len(clip) // 4 for clip in clips]) * 4
    return torch.cat([as_tensor(clip[at : at + 4, :height, :width]) for clip, at in zip(clips, starts, strict=True)])


def _loss(codec: TAEHV, video: Tensor, latent_noise: float) -> Tensor:
    """Difference, SSIM, edges at three scales, flicker (doubled in static regions), L2 penalty on the latents."""
    latents, _ = codec.encode(video)
    raw, _ = codec.decode(latents + latent_noise * torch.randn_like(latents))
    lag = codec.config.lag_frames
    target = video[:, : video.shape[1] - lag]
    look = picture_loss(raw[:, lag:].flatten(0, 1), target.flatten(0, 1), SSIM_WEIGHT)
    error = raw[:, lag:] - target
    still = (target.diff(dim=1).abs().mean(dim=2, keepdim=True) < STATIC_THRESHOLD).float()
    flicker = (error.diff(dim=1).abs() * (1 + still)).mean()
    return look + 0.25 * flicker + 1e-4 * (latents**2).mean()


def _batch(clips: list[Clip], recipe: CodecRecipe, rng: np.random.Generator) -> Tensor:
    long_enough = [clip for clip in clips if len(clip) >= recipe.frames]
    parts = []
    for index in rng.integers(0, len(long_enough), recipe.batch):
        clip = long_enough[index]
        frames, height, width, _ = clip.shape
        at, top, left = rng.integers(0, [frames - recipe.frames + 1, height - recipe.crop + 1, width - recipe.crop + 1])
        part = clip[at : at + recipe.frames, top : top + recipe.crop, left : left + recipe.crop]
        parts.append(as_tensor(part[:, :, ::-1] if rng.random() < 0.5 else part))
    return torch.stack(parts)


def _learning_rate(recipe: CodecRecipe, step: int) -> float:
    return recipe.rate * min(1, (step + 1) / recipe.warmup) * (0.5 + 0.5 * math.cos(math.pi * step / recipe.steps))


@torch.no_grad()
def _report(codec: TAEHV, check: Mapping[str, Clip]) -> str:
    values = []
    for clip in check.values():
        video = as_tensor(clip[:48])[None]
        raw, _ = codec.decode(codec.encode(video)[0])
        lag = codec.config.lag_frames
        values.append(psnr(raw[:, lag:].clamp(0, 1), video[:, : raw.shape[1] - lag]))
    return f"mean PSNR {sum(values) / len(values):.2f} dB" if values else "no clips to check"
