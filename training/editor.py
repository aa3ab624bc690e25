"""Training of the transformer and its text encoder: rollouts over latent frames, as the product runs them."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lipar_core.config import Preset
from lipar_core.dit import CausalWan, TextMemory
from lipar_core.flow import CLEAN_TIMESTEP, add_noise, sigmas, timestep_of_sigma, x0_from_prediction
from lipar_core.hashed_text import HashedTextEncoder
from lipar_core.patches import patchify, unpatchify
from lipar_core.rope import RotaryTable
from lipar_core.selection import Selection, select
from lipar_core.taehv import TAEHV
from lipar_core.weights import State, load_into, section
from training import checkpoint
from training.batches import Asked, Batch, draw_batch
from training.latents import Excerpt
from training.memory import RolloutMemory
from training.muon import Muon
from training.picture_loss import flicker, picture_loss
from training.precision import bfloat16_is_faster, mixed_precision
from training.recipe import StageRecipe

EMA = 0.998  # of the weights that are exported
LOG_EVERY, SAVE_EVERY, WARMUP = 50, 200, 100  # steps
PRESET_STRENGTH_SHARE = 0.75  # of the batches; the others draw their first sigma, for the strength slider
STRENGTHS = (0.02, 0.6)
TWICE_SHARE, AGAIN = 0.1, 0.4  # of the batches: denoised once more from this part of the noise, as users may ask for
STRUCTURE, FLICKER = 0.5, 4.0  # weights of SSIM and of flicker in the loss in pixels
SCATTERED_SHARE = 0.3  # of the keep masks: tokens drawn one by one; the others keep whole regions, as the detector does


class Editor(nn.Module):
    """What is trained together."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.dit = CausalWan(preset.transformer)
        self.text = HashedTextEncoder(preset.text, preset.transformer.text_length, preset.transformer.text_dim)
        for module in self.dit.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)


def train_editor(
    preset: Preset,
    stages: tuple[StageRecipe, ...],
    excerpts: list[Excerpt],
    codec: TAEHV,
    seed: int,
    folder: Path,
    earlier: State | None = None,
) -> Editor:
    """Run the stages, going on from their checkpoints; returns the averaged weights of the last.

    It begins with the transformer and the text encoder of an `earlier` run's bundle, or with random weights.
    """
    torch.manual_seed(seed)
    editor, averaged = Editor(preset), Editor(preset)
    if earlier is not None:
        load_into(editor.dit, section(earlier, "transformer"), "the earlier editor")
        load_into(editor.text, section(earlier, "text"), "the earlier editor")
    averaged.load_state_dict(editor.state_dict())
    for number, stage in enumerate(stages):
        _train_stage(editor, averaged, preset, stage, excerpts, codec, (seed, number), folder / f"{stage.name}.pt")
    return averaged.eval().requires_grad_(False)


def _train_stage(
    editor: Editor,
    averaged: Editor,
    preset: Preset,
    stage: StageRecipe,
    excerpts: list[Excerpt],
    codec: TAEHV,
    seed: tuple[int, int],
    path: Path,
) -> None:
    optimizers, mixed = _optimizers(editor, stage.rate), bfloat16_is_faster()
    print(f"{stage.name}: matrix products in {'bfloat16' if mixed else 'float32'}", flush=True)
    done = 0
    if state := checkpoint.load(path):
        editor.load_state_dict(state["editor"])
        averaged.load_state_dict(state["averaged"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        done = state["step"]
    losses: list[float] = []
    for step in range(done, stage.steps):
        torch.manual_seed(hash((*seed, step)))  # a resumed run draws what an uninterrupted one would
        rng = np.random.default_rng((*seed, step))
        batch = draw_batch(excerpts, stage, rng)
        with mixed_precision(mixed):
            loss = rollout_loss(editor, preset, stage, batch, codec, rng)
            editor.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(editor.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = _rate(stage, step)
            optimizer.step()
        _average(averaged, editor, EMA)
        losses.append(loss.item())
        if (step + 1) % LOG_EVERY == 0:
            print(f"{stage.name} step {step + 1}: loss {sum(losses) / len(losses):.4f}", flush=True)
            losses.clear()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == stage.steps:
            state = {"editor": editor.state_dict(), "averaged": averaged.state_dict(), "step": step + 1}
            checkpoint.save(path, state | {"optimizers": [optimizer.state_dict() for optimizer in optimizers]})


def _optimizers(editor: Editor, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, at AdamW's step size; AdamW for all else."""
    matrices = [p for p in editor.dit.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in editor.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, lr=rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def rollout_loss(
    editor: Editor, preset: Preset, stage: StageRecipe, batch: Batch, codec: TAEHV, rng: np.random.Generator
) -> Tensor:
    """Denoise frame after frame on the model's own past, as `EditSession` does, and compare with the target."""
    patch, schedule = preset.stream.patch, preset.schedule
    rows, cols = (size // patch for size in batch.source.shape[-2:])
    rope = RotaryTable(preset.transformer.head_dim, rows, cols)
    sink = preset.stream.sink_frames
    position = sink + int(rng.integers(0, preset.stream.rope_cap_frames - preset.stream.window_frames))
    memory = RolloutMemory(preset.transformer.layers, rope, sink, preset.stream.window_frames, position)
    text, later = (_text_memory(editor, asked) for asked in (batch.asked, batch.later or batch.asked))
    strength = None if rng.random() < PRESET_STRENGTH_SHARE else float(rng.uniform(*STRENGTHS))
    shares = sigmas(schedule, strength)
    shares = [*shares, shares[-1] * AGAIN] if rng.random() < TWICE_SHARE else shares
    source, target = (list(patchify(x, patch).unbind(1)) for x in (batch.source, batch.target))  # frames [B, T, P]
    prune, learned = rng.random() < stage.prune, batch.given + batch.past
    losses: list[Tensor] = []
    clean: list[Tensor] = []  # every frame's x0 [B, T, P] so far
    for frame in range(len(source)):
        if frame == learned:
            torch.clear_autocast_cache()  # of weights that were cast without a gradient
        with torch.set_grad_enabled(frame >= learned):
            if frame == batch.turn and batch.later is not None:
                text = later
                memory.clear()
                for x0 in clean:
                    memory.open(None)
                    _remember(editor.dit, memory, x0, text)
            selection = _random_selection(rows, cols, rng) if prune and frame not in (0, batch.turn) else None
            if selection is not None and frame >= batch.given:
                for x in (source, target):  # pruned means that nothing changed
                    x[frame] = torch.where(selection.keep[0, :, None], x[frame], x[frame - 1])
            memory.open(selection)
            if frame < batch.given:
                clean.append(target[frame])
            else:
                previous = clean[-1] if clean else None
                x0, step_losses = _denoise(
                    editor.dit, preset, memory, source[frame], target[frame], previous, text, shares
                )
                losses += step_losses if frame >= learned else []
                clean.append(x0)
            if frame < len(source) - 1:  # after the last nothing looks back
                _remember(editor.dit, memory, clean[-1], text)
    loss = torch.stack(losses).mean()
    if stage.pixels:
        shown, wanted = (torch.stack(frames[learned:], dim=1) for frames in (clean, target))
        loss = loss + stage.pixels * _pixel_loss(codec, shown, wanted, patch, rows)
    return loss


def _text_memory(editor: Editor, asked: Asked) -> TextMemory:
    ours, others = editor.text(asked.prompts), editor.text(asked.others)
    context: Tensor = torch.lerp(ours, others, asked.shares.view(-1, 1, 1).to(ours))
    return editor.dit.text_memory(context)


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
    target: Tensor,
    previous: Tensor | None,
    text: TextMemory,
    shares: list[float],
) -> tuple[Tensor, list[Tensor]]:
    """One frame [B, T, P] through all steps: x0, and the loss of every step."""
    losses, x0, chosen = [], source, memory.selection
    for share in shares:
        x = add_noise(x0.detach(), torch.randn_like(x0), share)
        wanted = target
        if chosen is not None:
            x, wanted = x[:, chosen.index], target[:, chosen.index]
        modulation = dit.modulation(timestep_of_sigma(share, preset.schedule))
        predicted = dit(x, modulation, memory.rotary, text, memory)
        x0 = x0_from_prediction(x, predicted, share, preset.schedule.prediction)
        losses.append(_distance(x0, wanted))
        if chosen is not None:
            assert previous is not None
            x0 = torch.cat([x0, previous], dim=1).index_select(1, chosen.source())
    return x0, losses


def _distance(ours: Tensor, wanted: Tensor) -> Tensor:
    """Of tokens [B, T, P]: absolute, and the root of the squares per sample, so that no style outweighs the others."""
    error = (ours - wanted).flatten(1)
    return 0.5 * error.abs().mean() + (error.square().mean(dim=1) + 1e-4).sqrt().mean()


def _pixel_loss(codec: TAEHV, tokens: Tensor, wanted: Tensor, patch: int, rows: int) -> Tensor:
    """tokens [B, F, T, P] of ours and of the target, decoded as one stream each."""
    with torch.no_grad():
        theirs = codec.decode(unpatchify(wanted, patch, rows))[0]
    ours = codec.decode(unpatchify(tokens, patch, rows))[0]
    with torch.autocast(ours.device.type, enabled=False):
        ours, theirs = ours.float(), theirs.float()
        pictures = picture_loss(ours.flatten(0, 1), theirs.flatten(0, 1), STRUCTURE)
        return 4 * (pictures + FLICKER * flicker(ours, theirs))


def _random_selection(rows: int, cols: int, rng: np.random.Generator) -> Selection:
    """A random keep mask of a random share of the tokens."""
    score = torch.from_numpy(rng.random((1, 1, rows, cols)))
    if rng.random() > SCATTERED_SHARE:
        coarse = torch.from_numpy(rng.random((1, 1, int(rng.integers(2, rows)), int(rng.integers(2, cols)))))
        score = interpolate(coarse, (rows, cols), mode="bilinear") + 0.05 * score
    kept = max(1, round(rng.beta(2, 2) * rows * cols))
    least_kept = score.flatten().topk(kept).values[-1]
    return select((score >= least_kept).view(1, -1))[0]


def _rate(stage: StageRecipe, step: int) -> float:
    return stage.rate * min(1, (step + 1) / WARMUP) * (0.52 + 0.48 * math.cos(math.pi * step / stage.steps))


@torch.no_grad()
def _average(averaged: nn.Module, live: nn.Module, keep: float) -> None:
    for slow, fast in zip(averaged.parameters(), live.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)
