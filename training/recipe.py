"""What a training run is: sizes, steps, rates, read from YAML with the product's own checks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import annotated_types as at
import yaml

from lipar_core.config import Positive, build
from lipar_core.errors import ConfigError

Share = Annotated[float, at.Interval(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class CodecRecipe:
    """Fine-tuning of the autoencoder, after its start as an exact PCA code."""

    steps: Positive
    batch: Positive
    frames: Positive  # of a training crop
    crop: Positive  # pixels
    rate: float  # peak learning rate
    warmup: Positive  # steps
    latent_noise: float


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRecipe:
    """One stage of the editor's training; stages follow each other on the same weights."""

    name: str
    steps: Positive
    batch: Positive
    crop: tuple[int, ...]  # latent rows and columns
    frames: Positive  # latent frames to learn from, rolled out on the model's own output
    context: Annotated[int, at.Interval(ge=0, le=20)]  # true latent frames before them, at most
    past: Annotated[int, at.Interval(ge=0, le=40)] = 0  # frames of its own between the two, at most: no gradient
    prune: Share  # share of rollouts with keep masks
    rate: float
    pixels: Share  # weight of the loss in pixels, through the frozen decoder


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A whole run."""

    preset: str
    seed: int
    clip_frames: Positive  # of an excerpt of a clip
    photo_frames: Positive
    codec: CodecRecipe
    stages: tuple[StageRecipe, ...]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; raises `ConfigError` naming a bad key."""
    try:
        return build(Recipe, yaml.safe_load(path.read_text()), "")
    except OSError as error:
        raise ConfigError(f"recipe {path}: {error.strerror}") from error
