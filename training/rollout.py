"""The loss of one step: frames are edited one by one on the model's own past, as in `EditSession`, and decoded."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from lipar_core.config import Preset
from lipar_core.flow import CLEAN_TIMESTEP, add_noise, sigmas, timestep_of_sigma, x0_from_prediction, x0_weights
from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_core.models.taehv import TAEHV
from lipar_core.models.wan import CausalWan, TextKV
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.selection import Selection, select
from lipar_core.rope import RotaryTable
from training.batches import Batch
from training.picture_loss import visual_loss
from training.prompt_samples import PromptBatch
from training.rollout_cache import RolloutCache

PRESET_STRENGTH_PROBABILITY = 0.75  # of batches; the others draw their first sigma, for the `strength` parameter
STRENGTHS = (0.01, 0.6)
EXTRA_STEP_PROBABILITY, EXTRA_STEP_SCALE = 0.1, 0.4  # of batches: one more step at this scale of the last sigma
DECODED_PAST = 2  # latent frames: the decoder's receptive field
ROUND_TRIP_PROBABILITY = 0.5  # of batches: a loss on the codec's own round trip too


class Editor(nn.Module):
    """The jointly trained networks; the codec's encoder is frozen."""

    def __init__(self, preset: Preset, codec: TAEHV) -> None:
        super().__init__()
        self.dit = CausalWan(preset.transformer)
        self.text = HashedTextEncoder(preset.text, preset.transformer.text_length, preset.transformer.text_dim)
        self.codec = TAEHV(preset.codec).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.codec.load_state_dict(codec.state_dict())
        self.codec.encoder.requires_grad_(False)
        for module in self.dit.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)


def rollout_loss(
    editor: Editor,
    preset: Preset,
    batch: Batch,
    rng: np.random.Generator,
    guide: float = 0,
) -> Tensor:
    """Visual distance of the edited frames to their target, plus `guide` x the distance to what the renderers know.

    That is the source's latents with the style's code: on these they were trained first.

    In part of the batches also that of the codec's round trip: without a code the renderer draws no style.
    """
    with torch.no_grad():
        latents, _ = editor.codec.encode(batch.source)
    torch.clear_autocast_cache()
    x0 = roll_out(editor, preset, batch, latents, rng, _draw_sigmas(preset, rng))
    learned = x0[:, batch.past :]
    state = None
    if batch.past:
        with torch.no_grad():
            _, state = editor.codec.decode(x0[:, max(0, batch.past - DECODED_PAST) : batch.past])
        torch.clear_autocast_cache()  # it holds weights that were cast without gradient
    ours, _ = editor.codec.decode(learned, state)
    loss = visual_loss(ours, batch.target)
    if guide and batch.switch is None:
        known = known_latents(latents[:, batch.past :], batch, preset)
        loss = loss + guide * mse_loss(learned.float(), known)
    if rng.random() < ROUND_TRIP_PROBABILITY:
        decoded, _ = editor.codec.decode(latents[:1])
        loss = loss + visual_loss(decoded, batch.source[:1])
    return loss


def known_latents(latents: Tensor, batch: Batch, preset: Preset) -> Tensor:
    """What the renderers were trained on: the source's latents [B, F, C, h, w] with the style's code, float32."""
    known = latents.float().clone()
    codes = batch.prompts.mixed(torch.eye(preset.codec.code_channels))
    known[:, :, preset.codec.latent_channels :] = codes[:, None, :, None, None]
    return known


def roll_out(
    editor: Editor,
    preset: Preset,
    batch: Batch,
    latents: Tensor,
    rng: np.random.Generator,
    sigma_values: list[float],
) -> Tensor:
    """latents [B, F, C, h, w] of the source -> x0 of all frames, with a gradient for those after the past."""
    patch = preset.stream.patch
    source = list(patchify(latents, patch).unbind(1))  # frames [B, T, P]
    rows, cols = (size // patch for size in latents.shape[-2:])
    cache = _build_cache(preset, rows, cols, rng)
    text, later = (_text_kv(editor, prompts) for prompts in (batch.prompts, batch.later_prompts or batch.prompts))
    clean: list[Tensor] = []  # every frame's x0 [B, T, P] so far
    for frame in range(len(source)):
        if frame == batch.past:
            torch.clear_autocast_cache()
        with torch.set_grad_enabled(frame >= batch.past):
            if frame == batch.switch and batch.later_prompts is not None:
                text = later
                _recache(editor.dit, cache, clean, text)
            cache.open(_selection(batch, frame))
            previous = clean[-1] if clean else None
            clean.append(_denoise(editor.dit, preset, cache, source[frame], previous, text, sigma_values))
            if frame < len(source) - 1:  # nothing attends to the last one
                _clean_pass(editor.dit, cache, clean[-1], text)
    return torch.stack([unpatchify(tokens, patch, rows) for tokens in clean], dim=1)


def _build_cache(preset: Preset, rows: int, cols: int, rng: np.random.Generator) -> RolloutCache:
    stream, transformer = preset.stream, preset.transformer
    position = stream.sink_frames + int(rng.integers(0, stream.rope_cap_frames - stream.window_frames))
    rope = RotaryTable(transformer.head_dim, rows, cols)
    return RolloutCache(transformer.layers, rope, stream.sink_frames, stream.window_frames, position)


def _draw_sigmas(preset: Preset, rng: np.random.Generator) -> list[float]:
    strength = None if rng.random() < PRESET_STRENGTH_PROBABILITY else float(rng.uniform(*STRENGTHS))
    sigma_values = sigmas(preset.schedule, strength)
    if rng.random() < EXTRA_STEP_PROBABILITY:
        return [*sigma_values, sigma_values[-1] * EXTRA_STEP_SCALE]
    return sigma_values


def _selection(batch: Batch, frame: int) -> Selection | None:
    if batch.keep is None or bool(batch.keep[frame].all()):
        return None
    return select(batch.keep[frame][None])[0]


def _text_kv(editor: Editor, prompts: PromptBatch) -> TextKV:
    ours = editor.text(prompts.prompts)
    other_prompts = editor.text(prompts.other_prompts)
    context: Tensor = torch.lerp(ours, other_prompts, prompts.blends.view(-1, 1, 1).to(ours))
    return editor.dit.text_kv(context)


def _recache(dit: CausalWan, cache: RolloutCache, clean: list[Tensor], text: TextKV) -> None:
    """Rebuild the cache under another prompt."""
    cache.clear()
    for x0 in clean:
        cache.open(None)
        _clean_pass(dit, cache, x0, text)


def _clean_pass(dit: CausalWan, cache: RolloutCache, x0: Tensor, text: TextKV) -> None:
    """The clean pass over the open frame, x0 [B, T, P]; closes it."""
    kept = x0.detach() if cache.selection is None else x0.detach()[:, cache.selection.index]
    cache.clean = True
    dit.fill_cache(kept, dit.modulation(CLEAN_TIMESTEP), cache.rotary, text, cache)
    cache.clean = False
    cache.close()


def _denoise(
    dit: CausalWan,
    preset: Preset,
    cache: RolloutCache,
    source: Tensor,
    previous: Tensor | None,
    text: TextKV,
    sigma_values: list[float],
) -> Tensor:
    """One frame [B, T, P] through all steps: x0."""
    x0 = source
    chosen = cache.selection
    for sigma in sigma_values:
        x = add_noise(x0.detach(), torch.randn_like(x0), sigma)
        if chosen is not None:
            x = x[:, chosen.index]
        modulation = dit.modulation(timestep_of_sigma(sigma, preset.schedule))
        predicted = dit(x, modulation, cache.rotary, text, cache)
        x0 = x0_from_prediction(x, predicted, x0_weights(sigma, preset.schedule))
        if chosen is not None:
            assert previous is not None
            x0 = torch.cat([x0, previous], dim=1).index_select(1, chosen.source())
    return x0
