"""Records a clip's edit with its latents, so that videos can be composed from several edits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters
from lipar_core.patches import unpatchify
from lipar_core.runtime.denoise import BlockPlan
from lipar_core.session import EditSession
from lipar_core.stream.output import EditedFrames
from lipar_eval.clips import Clip
from lipar_eval.edited_clips import run_session


@dataclass(frozen=True, slots=True)
class Recording:
    """The output and the latents of an edited clip."""

    edited: EditedFrames[int]
    x0: Tensor  # [N, T, P] of every latent frame
    computed: Tensor  # [N, T] bool: which tokens ran in the last denoising step


def record(
    models: Models, clip: Clip, parameters: Parameters, force_keep: Callable[[int], Tensor] | None = None
) -> Recording:
    """Edit the whole clip and record its latents."""
    latents: list[Tensor] = []
    computed: list[Tensor] = []

    def observe(x0: Tensor, plan: BlockPlan) -> None:
        latents.extend(x0.unflatten(0, plan.last_step.keep.shape))
        computed.extend(plan.last_step.keep)

    session: EditSession[int] = EditSession(models, parameters, force_keep=force_keep, observer=observe)
    edited = run_session(session, clip)
    return Recording(edited, torch.stack(latents), torch.stack(computed))


def as_last_computed(x0: Tensor, computed: Tensor) -> Tensor:
    """x0 [N, T, P] with every token as last computed (`computed` [N, T]): restoration `previous_frame`."""
    number = torch.arange(len(computed), device=computed.device)[:, None]
    newest = torch.where(computed, number, 0).cummax(dim=0).values
    return x0.gather(0, newest[..., None].expand_as(x0))


@torch.inference_mode()
def decode_video(models: Models, x0: Tensor, frames: int) -> Tensor:
    """Decode latent frames x0 [N, T, P]; returns the first `frames` frames [frames, 3, H, W] on the CPU."""
    stream = models.preset.stream
    lag = models.preset.codec.lag_frames
    state = None
    pixels = []
    latents = unpatchify(x0.to(models.precision.convolution), stream.patch, stream.rows)
    for block in latents.split(stream.block_frames):
        raw, state = models.codec.decode(block[None], state)
        pixels.append(raw[0].float().clamp(0, 1).cpu())
    return torch.cat(pixels)[lag : lag + frames]
