"""Training prompts with the styles that their targets are made of."""

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lipar_eval.classical_styles import STYLES
from training.media import Clip
from training.prompts import draw_mixed_prompt, draw_prompt

# Relative frequencies; 1 of the other styles.
FREQUENCIES = {
    "neon": 2.0,
    "oil painting": 2.0,
    "pencil sketch": 2.0,
    "comic": 2.0,
    "pop art": 2.0,
    "pixel art": 2.0,
    "moonlight": 2.0,
    "watercolour": 1.5,
    "thermal": 1.5,
    "vaporwave": 1.5,
    "cyanotype": 1.5,
    "film noir": 1.5,
    "golden hour": 1.5,
    "night vision": 1.5,
}
# Of samples: two styles in one prompt; two interpolated prompts.
MIXED_PROBABILITY, BLENDED_PROBABILITY = 0.04, 0.08


@dataclass(frozen=True, slots=True)
class PromptSample:
    """One sample's prompts, and the styles of its target."""

    prompt: str
    other_prompt: str
    blend: float  # weight of the other prompt
    styles: tuple[str, str]
    weight: float  # of the second style in the target

    def target(self, frame: Clip) -> Clip:
        """frame uint8 [H, W, 3] -> its target, float in levels."""
        first = STYLES[self.styles[0]](frame).astype(np.float32)
        if self.weight == 0:
            return first
        return first + self.weight * (STYLES[self.styles[1]](frame).astype(np.float32) - first)


@dataclass(frozen=True, slots=True)
class PromptBatch:
    """The prompts of a batch."""

    samples: list[PromptSample]

    @property
    def prompts(self) -> list[str]:
        return [sample.prompt for sample in self.samples]

    @property
    def other_prompts(self) -> list[str]:
        return [sample.other_prompt for sample in self.samples]

    @property
    def blends(self) -> Tensor:
        """Weights of the other prompts [B], mostly 0."""
        return torch.tensor([sample.blend for sample in self.samples])

    def mixed(self, table: Tensor) -> Tensor:
        """Rows of `table` [styles, ...], blended like each sample's target: [B, ...]."""
        names = list(STYLES)
        first, second = (table[[names.index(sample.styles[i]) for sample in self.samples]] for i in (0, 1))
        weights = torch.tensor([sample.weight for sample in self.samples])
        return torch.lerp(first, second, weights.view(-1, *(1,) * (table.ndim - 1)))


def draw_prompt_sample(rng: np.random.Generator, blends: bool = True, even: bool = False) -> PromptSample:
    """A random sample; unless `even`, hard styles are more frequent. `blends`: two interpolated prompts too."""
    names = list(STYLES)
    words = random.Random(int(rng.integers(2**31)))
    weights = np.array([1.0 if even else FREQUENCIES.get(name, 1.0) for name in names])
    first, second = (names[i] for i in rng.choice(len(names), 2, p=weights / weights.sum()))
    prompt = draw_prompt(first, words)
    kind = rng.random()
    if kind < MIXED_PROBABILITY and "no edit" not in (first, second):
        return PromptSample(draw_mixed_prompt(first, second, words), prompt, 0.0, (first, second), 0.5)
    if blends and kind > 1 - BLENDED_PROBABILITY:
        blend = float(rng.random())
        return PromptSample(prompt, draw_prompt(second, words), blend, (first, second), blend)
    return PromptSample(prompt, prompt, 0.0, (first, first), 0.0)
