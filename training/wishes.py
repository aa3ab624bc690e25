"""What is asked for: prompts, and the styles and shares of them that their target is made of."""

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lipar_cli.evaluation.targets import STYLES
from training.media import Clip
from training.prompts import draw, draw_mix

HARD, HARD_WEIGHT = {"neon", "comic", "watercolour", "pencil sketch", "oil painting", "pop art", "pixel art"}, 2.0
NO_EDIT_WEIGHT = 2.0  # it is what every style starts from
MIXED_SHARE, BLENDED_SHARE = 0.04, 0.08  # of the samples: two styles in one prompt; two prompts, interpolated


@dataclass(frozen=True, slots=True)
class Wish:
    """One sample's prompts, and its target as a mean of two styles."""

    prompt: str
    other: str
    share: float  # of the other prompt
    styles: tuple[str, str]
    weight: float  # of the second style in the target

    def target(self, frame: Clip) -> Clip:
        """frame uint8 [H, W, 3] -> its target, float in levels."""
        first = STYLES[self.styles[0]](frame).astype(np.float32)
        if self.weight == 0:
            return first
        return first + self.weight * (STYLES[self.styles[1]](frame).astype(np.float32) - first)


@dataclass(frozen=True, slots=True)
class Asked:
    """The wishes of a batch."""

    wishes: list[Wish]

    @property
    def prompts(self) -> list[str]:
        return [wish.prompt for wish in self.wishes]

    @property
    def others(self) -> list[str]:
        return [wish.other for wish in self.wishes]

    @property
    def shares(self) -> Tensor:
        """Of the other prompt [B], mostly 0."""
        return torch.tensor([wish.share for wish in self.wishes])

    def mixed(self, table: Tensor) -> Tensor:
        """The mean of the rows of `table` [styles, C] that belongs to each wish's target: [B, C]."""
        names = list(STYLES)
        first, second = (table[[names.index(wish.styles[i]) for wish in self.wishes]] for i in (0, 1))
        return torch.lerp(first, second, torch.tensor([[wish.weight] for wish in self.wishes]))


def draw_wish(rng: np.random.Generator) -> Wish:
    """A random wish; styles that are hard to learn come more often."""
    names, words = list(STYLES), random.Random(int(rng.integers(2**31)))
    weights = np.array([_weight(name) for name in names])
    first, second = (names[i] for i in rng.choice(len(names), 2, p=weights / weights.sum()))
    prompt, kind = draw(first, words), rng.random()
    if kind < MIXED_SHARE and "no edit" not in (first, second):
        return Wish(draw_mix(first, second, words), prompt, 0.0, (first, second), 0.5)
    if kind > 1 - BLENDED_SHARE:
        share = float(rng.random())
        return Wish(prompt, draw(second, words), share, (first, second), share)
    return Wish(prompt, prompt, 0.0, (first, first), 0.0)


def _weight(name: str) -> float:
    if name == "no edit":
        return NO_EDIT_WEIGHT
    return HARD_WEIGHT if name in HARD else 1.0
