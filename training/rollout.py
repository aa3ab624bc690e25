"""One step's loss: latent frame after latent frame on the model's own past, as `EditSession` runs them, then pixels."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from lipar_core.config import Preset
from lipar_core.dit import CausalWan, TextMemory
from lipar_core.flow import CLEAN_TIMESTEP, add_noise, sigmas, timestep_of_sigma, x0_from_prediction
from lipar_core.hashed_text import HashedTextEncoder
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.selection import Selection, select
from lipar_core.rope import RotaryTable
from lipar_core.taehv import TAEHV
from training.batches import Asked, Batch
from training.memory import RolloutMemory
from training.picture_loss import look_loss

PRESET_STRENGTH_SHARE = 0.75  # of the batches; the others draw their first sigma, for the strength slider
STRENGTHS = (0.02, 0.6)
TWICE_SHARE, AGAIN = 0.1, 0.4  # of the batches: denoised once more from this part of the noise, as users may ask for
DECODED_PAST = 2  # latent frames: no more does the decoder remember


class Editor(nn.Module):
    """What is trained together; the encoder stays as it is."""

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
    codes: Tensor | None = None,
    guide: float = 0,
) -> Tensor:
    """How far the edited frames look from their target, and by `guide` their code from the styles' own [styles, C]."""
    x0 = _rollout(editor, preset, batch, rng)
    learned, state = x0[:, batch.past :], None
    if batch.past:
        with torch.no_grad():
            _, state = editor.codec.decode(x0[:, max(0, batch.past - DECODED_PAST) : batch.past])
        torch.clear_autocast_cache()  # of weights that were cast without a gradient
    ours, _ = editor.codec.decode(learned, state)
    loss = look_loss(ours, batch.target)
    if codes is not None and guide and batch.turn is None:
        wanted = batch.asked.mixed(codes)[:, None, :, None, None]
        code = learned[:, :, preset.codec.latent_channels :].float()
        loss = loss + guide * mse_loss(code, wanted.expand_as(code))
    return loss


def _rollout(editor: Editor, preset: Preset, batch: Batch, rng: np.random.Generator) -> Tensor:
    """x0 [B, F, C, h, w] of all frames, with a gradient for those after the past."""
    patch = preset.stream.patch
    with torch.no_grad():
        latents, _ = editor.codec.encode(batch.source)
    torch.clear_autocast_cache()
    source = list(patchify(latents, patch).unbind(1))  # frames [B, T, P]
    rows, cols = (size // patch for size in latents.shape[-2:])
    memory = _memory(preset, rows, cols, rng)
    text, later = (_text_memory(editor, asked) for asked in (batch.asked, batch.later or batch.asked))
    shares = _draw_sigmas(preset, rng)
    clean: list[Tensor] = []  # every frame's x0 [B, T, P] so far
    for frame in range(len(source)):
        if frame == batch.past:
            torch.clear_autocast_cache()
        with torch.set_grad_enabled(frame >= batch.past):
            if frame == batch.turn and batch.later is not None:
                text = later
                _recache(editor.dit, memory, clean, text)
            memory.open(_selection(batch, frame))
            clean.append(
                _denoise(editor.dit, preset, memory, source[frame], clean[-1] if clean else None, text, shares)
            )
            if frame < len(source) - 1:  # after the last nothing looks back
                _remember(editor.dit, memory, clean[-1], text)
    return torch.stack([unpatchify(tokens, patch, rows) for tokens in clean], dim=1)


def _memory(preset: Preset, rows: int, cols: int, rng: np.random.Generator) -> RolloutMemory:
    stream, transformer = preset.stream, preset.transformer
    position = stream.sink_frames + int(rng.integers(0, stream.rope_cap_frames - stream.window_frames))
    rope = RotaryTable(transformer.head_dim, rows, cols)
    return RolloutMemory(transformer.layers, rope, stream.sink_frames, stream.window_frames, position)


def _draw_sigmas(preset: Preset, rng: np.random.Generator) -> list[float]:
    strength = None if rng.random() < PRESET_STRENGTH_SHARE else float(rng.uniform(*STRENGTHS))
    shares = sigmas(preset.schedule, strength)
    return [*shares, shares[-1] * AGAIN] if rng.random() < TWICE_SHARE else shares


def _selection(batch: Batch, frame: int) -> Selection | None:
    if batch.keep is None or bool(batch.keep[frame].all()):
        return None
    return select(batch.keep[frame][None])[0]


def _text_memory(editor: Editor, asked: Asked) -> TextMemory:
    ours, others = editor.text(asked.prompts), editor.text(asked.others)
    context: Tensor = torch.lerp(ours, others, asked.shares.view(-1, 1, 1).to(ours))
    return editor.dit.text_memory(context)


def _recache(dit: CausalWan, memory: RolloutMemory, clean: list[Tensor], text: TextMemory) -> None:
    """The past again, under another prompt."""
    memory.clear()
    for x0 in clean:
        memory.open(None)
        _remember(dit, memory, x0, text)


def _remember(dit: CausalWan, memory: RolloutMemory, x0: Tensor, text: TextMemory) -> None:
    """The clean pass over the frame in work, x0 [B, T, P], which then belongs to the past."""
    kept = x0.detach() if memory.selection is None else x0.detach()[:, memory.selection.index]
    memory.clean = True
    dit.fill_memory(kept, dit.modulation(CLEAN_TIMESTEP), memory.rotary, text, memory)
    memory.clean = False
    memory.close()


def _denoise(
    dit: CausalWan,
    preset: Preset,
    memory: RolloutMemory,
    source: Tensor,
    previous: Tensor | None,
    text: TextMemory,
    shares: list[float],
) -> Tensor:
    """One frame [B, T, P] through all steps: x0."""
    x0, chosen = source, memory.selection
    for share in shares:
        x = add_noise(x0.detach(), torch.randn_like(x0), share)
        if chosen is not None:
            x = x[:, chosen.index]
        modulation = dit.modulation(timestep_of_sigma(share, preset.schedule))
        predicted = dit(x, modulation, memory.rotary, text, memory)
        x0 = x0_from_prediction(x, predicted, share, preset.schedule.prediction)
        if chosen is not None:
            assert previous is not None
            x0 = torch.cat([x0, previous], dim=1).index_select(1, chosen.source())
    return x0
