"""Training of the transformer, its text encoder and the decoder, after the renderer's training."""

from pathlib import Path

import torch
from torch import nn

from lipar_core.checkpoints.checkpoint_file import StateDict
from lipar_core.checkpoints.key_names import select_network
from lipar_core.checkpoints.weights import load_into
from lipar_core.config import Preset
from lipar_core.models.taehv import TAEHV
from training.batches import draw_batch
from training.head import solve_head
from training.media import Clip
from training.muon import Muon
from training.precision import autocast_is_faster
from training.prompt_alignment import align_prompts
from training.recipe import StageRecipe
from training.rollout import Editor, rollout_loss
from training.steps import TrainingState, run_steps

RENDERER_RATE, DECODER_RATE = 1.0, 0.1  # times the stage's rate


def load_editor(editor: Editor, weights: StateDict, preset: Preset, origin: str) -> None:
    """Transformer and text encoder of a bundle, into an editor with as many latent channels or more."""
    load_into(editor.dit, widen_channels(select_network(weights, "transformer"), preset), origin)
    load_into(editor.text, select_network(weights, "text"), origin)


def trained_editor(preset: Preset, weights: StateDict, origin: str) -> Editor:
    """All networks of a bundle, to be trained further. Raises `CheckpointError` where they do not fit the preset."""
    codec = TAEHV(preset.codec)  # type: ignore[arg-type]
    load_into(codec, select_network(weights, "codec"), origin)
    editor = Editor(preset, codec)
    load_editor(editor, weights, preset, origin)
    return editor


def train_editor(
    editor: Editor,
    preset: Preset,
    stages: tuple[StageRecipe, ...],
    excerpts: list[Clip],
    seed: int,
    folder: Path,
) -> Editor:
    """Run the stages, resuming from their checkpoints; each starts with the averaged weights of the previous one."""
    for number, stage in enumerate(stages, start=1):
        _train_stage(editor, preset, stage, excerpts, (seed, number), folder)
    return editor.eval().requires_grad_(False)


def _train_stage(
    editor: Editor,
    preset: Preset,
    stage: StageRecipe,
    excerpts: list[Clip],
    seed: tuple[int, int],
    folder: Path,
) -> None:
    def guide(step: int) -> float:
        return stage.guide * max(0.0, 1 - 2 * step / stage.steps)

    if stage.solve_head:
        solve_head(editor, preset, excerpts, stage, seed)
        return
    path = folder / f"{stage.name}.pt"
    if stage.align_prompts and not path.exists():
        align_prompts(editor.text, stage.align_prompts, seed)
    editor.text.requires_grad_(not stage.align_prompts)
    run_steps(
        TrainingState(editor, _optimizers(editor, stage.rate), path),
        stage,
        seed,
        lambda rng: draw_batch(excerpts, stage, rng),
        lambda batch, rng, step: rollout_loss(editor, preset, batch, rng, guide(step)),
    )


def widen_channels(state: StateDict, preset: Preset) -> StateDict:
    """A transformer's weights extended to more latent channels: new inputs are ignored, new outputs are 0."""
    wide = preset.transformer.channels
    tokens = preset.transformer.patch**2
    known = state["patch_embedding.weight"].shape[1]
    grown = dict(state)
    for name in ("head.head.weight", "head.head.bias"):  # rows ordered (position in the patch, channel)
        rows = state[name].unflatten(0, (tokens, known))
        grown[name] = torch.cat([rows, rows.new_zeros(tokens, wide - known, *rows.shape[2:])], dim=1).flatten(0, 1)
    kernel = state["patch_embedding.weight"]
    grown["patch_embedding.weight"] = torch.cat(
        [kernel, kernel.new_zeros(len(kernel), wide - known, *kernel.shape[2:])], 1
    )
    return grown


def _optimizers(editor: Editor, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, at AdamW's step size; AdamW for the rest."""
    matrices = [p for p in editor.dit.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for part in (editor.dit, editor.text) for p in part.parameters() if id(p) not in chosen]
    renderer: nn.Module = editor.codec.renderer or nn.Identity()
    drawing = [
        {"params": list(editor.codec.decoder.parameters()), "lr": DECODER_RATE * rate, "weight_decay": 0.0},
        {"params": list(renderer.parameters()), "lr": RENDERER_RATE * rate, "weight_decay": 0.0},
    ]
    groups = [{"params": others}, *(group for group in drawing if group["params"])]
    dtype = torch.bfloat16 if autocast_is_faster() else torch.float32
    return [
        Muon(matrices, lr=rate, weight_decay=0.01, dtype=dtype),
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]
