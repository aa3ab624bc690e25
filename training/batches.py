"""What one training step sees: crops of excerpts with their targets, and the prompts that ask for them."""

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lipar_cli.evaluation.styles import STYLES
from training.latents import Excerpt
from training.prompts import draw, draw_mix
from training.recipe import StageRecipe

HARD, HARD_WEIGHT = {"neon", "comic", "watercolour", "pencil sketch", "pixel art", "pop art"}, 2.0  # learned last
MIXED_SHARE, BLENDED_SHARE = 0.04, 0.08  # of the samples: two styles in one prompt; two prompts, interpolated
CUT_SHARE, CHANGE_SHARE = 0.2, 0.2  # of the batches with a past: the scene changes on the way; the prompts do


@dataclass(frozen=True, slots=True)
class Asked:
    """A blend of two prompts per sample; shares [B], of the other prompt: mostly 0."""

    prompts: list[str]
    others: list[str]
    shares: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Latents [B, F, C, h, w] of sources and targets. At frame `turn`, if any, a new scene or new prompts begin."""

    source: Tensor
    target: Tensor
    given: int  # frames at the start whose past is the target itself
    past: int  # frames after them that the model makes for itself, to be learned upon and not from
    asked: Asked
    turn: int | None = None
    later: Asked | None = None  # asked for from the turn on, if that changes


@dataclass(frozen=True, slots=True)
class _Wish:
    """One sample's prompts, and its target as a mean of two styles."""

    prompt: str
    other: str
    share: float  # of the other prompt
    styles: tuple[int, int]
    weight: float  # of the second style in the target


def draw_batch(excerpts: list[Excerpt], stage: StageRecipe, rng: np.random.Generator) -> Batch:
    """Random crops of random excerpts in random styles."""
    given, past = int(rng.integers(0, stage.context + 1)), int(rng.integers(0, stage.past + 1))
    frames, kind = given + past + stage.frames, rng.random()
    turns = stage.past > 0 and frames > 1 and kind < CUT_SHARE + CHANGE_SHARE
    turn = int(rng.integers(1, frames)) if turns else frames
    cut, change = turns and kind < CUT_SHARE, turns and kind >= CUT_SHARE
    sources, targets, first, second = [], [], [], []
    for _ in range(stage.batch):
        scenes = (turn, frames - turn) if cut else (frames,)
        crop = torch.cat([_draw_crop(excerpts, stage, length, rng) for length in scenes], dim=1)
        before = _draw_wish(rng)
        after = _draw_wish(rng) if change else before
        sources.append(crop[list(STYLES).index("no edit")])
        targets.append(torch.cat([_target(crop[:, :turn], before), _target(crop[:, turn:], after)]))
        first.append(before)
        second.append(after)
    return Batch(
        torch.stack(sources),
        torch.stack(targets),
        given,
        past,
        _asked(first),
        turn if turns else None,
        _asked(second) if change else None,
    )


def _draw_crop(excerpts: list[Excerpt], stage: StageRecipe, frames: int, rng: np.random.Generator) -> Tensor:
    """[styles, frames, C, h, w] of a random excerpt, played forth and back where it is shorter."""
    latents = excerpts[int(rng.integers(len(excerpts)))].latents
    _, length, _, height, width = latents.shape
    rows, cols = stage.crop
    top, left = rng.integers(0, ((height - rows) // 2 + 1, (width - cols) // 2 + 1)) * 2  # on the grid of tokens
    spare = max(length - frames + 1, 1)
    places = np.arange(frames) + rng.integers(spare)
    places = np.abs((places + length - 1) % max(2 * (length - 1), 1) - (length - 1))
    return latents[:, places, :, top : top + rows, left : left + cols].float()


def _draw_wish(rng: np.random.Generator) -> _Wish:
    names, words = list(STYLES), random.Random(int(rng.integers(2**31)))
    weights = np.array([HARD_WEIGHT if name in HARD else 1.0 for name in names])
    first, second = (int(i) for i in rng.choice(len(names), 2, p=weights / weights.sum()))
    prompt, kind = draw(names[first], words), rng.random()
    if kind < MIXED_SHARE and "no edit" not in (names[first], names[second]):
        return _Wish(draw_mix(names[first], names[second], words), prompt, 0.0, (first, second), 0.5)
    if kind > 1 - BLENDED_SHARE:
        share = float(rng.random())
        return _Wish(prompt, draw(names[second], words), share, (first, second), share)
    return _Wish(prompt, prompt, 0.0, (first, first), 0.0)


def _target(crop: Tensor, wish: _Wish) -> Tensor:
    """crop [styles, F, C, h, w] -> [F, C, h, w]."""
    first, second = wish.styles
    return torch.lerp(crop[first], crop[second], wish.weight)


def _asked(wishes: list[_Wish]) -> Asked:
    prompts, others = [wish.prompt for wish in wishes], [wish.other for wish in wishes]
    return Asked(prompts, others, torch.tensor([wish.share for wish in wishes]))
