"""What a training run is: sizes, steps, rates, read from YAML with the product's own checks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import annotated_types as at
import yaml

from lipar_core.config import Positive, Preset, build, load_preset
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
    """One stage of the renderer's or the editor's training; stages follow each other on the same weights."""

    name: str
    steps: Positive
    batch: Positive
    crop: tuple[int, ...] = ()  # height and width in pixels, multiples of 16; () means whole frames
    frames: Positive  # latent frames to learn from, rolled out on the model's own output
    past: Annotated[int, at.Interval(ge=0, le=40)] = 0  # frames of its own before them, at most: no gradient
    prune: Share = 0.0  # share of rollouts with keep masks
    guide: float = 0.0  # weight of the distance to the renderer's own codes, fading out by half time
    rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A whole run."""

    preset: str  # a bundled one's name, or a file beside the recipe
    seed: int
    sizes: tuple[tuple[int, ...], ...]  # width and height of the excerpts, in turn
    clip_frames: Positive  # of an excerpt of a clip
    photo_frames: Positive
    codec: CodecRecipe
    renderer: StageRecipe
    stages: tuple[StageRecipe, ...]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; raises `ConfigError` naming a bad key."""
    try:
        return build(Recipe, yaml.safe_load(path.read_text()), "")
    except OSError as error:
        raise ConfigError(f"recipe {path}: {error.strerror}") from error


def preset_of(recipe: Recipe, path: Path) -> Preset:
    """The preset that a recipe read from `path` trains."""
    beside = path.parent / recipe.preset
    return load_preset(beside if beside.is_file() else recipe.preset)
