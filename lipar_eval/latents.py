"""Records a clip's edit with its latents, so that videos can be composed from several edits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lipar_core.models.registry import Models
from lipar_core.parameters import Parameters
from lipar_core.patches import unpatchify
from lipar_core.runtime.denoise import BlockPlan
from lipar_core.session import EditedFrames, EditSession
from lipar_eval.clips import Clip, run_session


@dataclass(frozen=True, slots=True)
class Recording:
    """The output and the latents of an edited clip."""

    edited: EditedFrames[int]
    x0: Tensor  # [N, T, P] of every latent frame
    computed: Tensor  # [N, T] bool: which tokens ran in the last denoising step


class _RecordingSession(EditSession[int]):
    def __init__(
        self, models: Models, parameters: Parameters, force_keep: Callable[[int], Tensor] | None = None
    ) -> None:
        super().__init__(models, parameters, force_keep=force_keep)
        self.x0: list[Tensor] = []
        self.computed: list[Tensor] = []

    def _denoise(self, latents: Tensor, seed: int, plan: BlockPlan) -> Tensor:
        x0 = super()._denoise(latents, seed, plan)
        self.x0 += x0.unflatten(0, plan.last_step.keep.shape)
        self.computed += plan.last_step.keep
        return x0


def record(
    models: Models, clip: Clip, parameters: Parameters, force_keep: Callable[[int], Tensor] | None = None
) -> Recording:
    """Edit the whole clip and record its latents."""
    session = _RecordingSession(models, parameters, force_keep)
    edited = run_session(session, clip)
    return Recording(edited, torch.stack(session.x0), torch.stack(session.computed))


def as_last_computed(x0: Tensor, computed: Tensor) -> Tensor:
    """x0 [N, T, P] with every token as last computed (`computed` [N, T]): restoration `previous_frame`."""
    number = torch.arange(len(computed), device=computed.device)[:, None]
    newest = torch.where(computed, number, 0).cummax(dim=0).values
    return x0.gather(0, newest[..., None].expand_as(x0))


@torch.inference_mode()
def decode_video(models: Models, x0: Tensor, frames: int) -> Tensor:
    """Decode latent frames x0 [N, T, P]; returns the first `frames` frames [frames, 3, H, W] on the CPU."""
    stream, lag, state = models.preset.stream, models.preset.codec.lag_frames, None
    pixels = []
    for block in unpatchify(x0, stream.patch, stream.rows).split(stream.block_frames):
        raw, state = models.codec.decode(block[None], state)
        pixels.append(raw[0].float().clamp(0, 1).cpu())
    return torch.cat(pixels)[lag : lag + frames]
