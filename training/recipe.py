"""What a training run is: sizes, steps, rates, read from YAML with the product's own checks."""

from pathlib import Path
from typing import Annotated

import yaml
from msgspec import Meta

from lipar_core.config import Positive, PositiveFloat, Preset, load_preset
from lipar_core.errors import ConfigError, ParameterError
from lipar_core.parsing import ConfigStruct, parse

Share = Annotated[float, Meta(ge=0, le=1)]
NonNegative = Annotated[float, Meta(ge=0, le=1000)]


class CodecRecipe(ConfigStruct, frozen=True, kw_only=True):
    """Fine-tuning of the autoencoder, after its start as an exact PCA code."""

    steps: Positive
    batch: Positive
    frames: Positive  # of a training crop
    crop: Positive  # pixels
    rate: PositiveFloat  # peak learning rate
    warmup: Positive  # steps
    latent_noise: NonNegative


class StageRecipe(ConfigStruct, frozen=True, kw_only=True):
    """One stage of the renderer's or the editor's training; stages follow each other on the same weights."""

    name: str
    steps: Positive
    batch: Positive
    crop: tuple[int, ...] = ()  # height and width in pixels, multiples of 16; () means whole frames
    frames: Positive  # latent frames to learn from, rolled out on the model's own output
    past: Annotated[int, Meta(ge=0, le=40)] = 0  # frames of its own before them, at most: no gradient
    prune: Share = 0.0  # share of rollouts with keep masks
    guide: NonNegative = 0.0  # weight of the distance to the renderer's own codes, fading out by half time
    rate: PositiveFloat


class Recipe(ConfigStruct, frozen=True, kw_only=True):
    """A whole run."""

    preset: str  # a bundled one's name, or a file beside the recipe
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    sizes: tuple[tuple[int, int], ...]  # width and height of the excerpts, in turn
    clip_frames: Positive  # of an excerpt of a clip
    photo_frames: Positive
    codec: CodecRecipe
    renderer: StageRecipe
    stages: tuple[StageRecipe, ...]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; raises `ConfigError` naming a bad key."""
    try:
        return parse(yaml.safe_load(path.read_text()), Recipe)
    except OSError as error:
        raise ConfigError(f"recipe {path}: {error.strerror}") from error
    except ParameterError as error:
        raise ConfigError(f"recipe {path.name}: {error}") from error


def preset_of(recipe: Recipe, path: Path) -> Preset:
    """The preset that a recipe read from `path` trains."""
    beside = path.parent / recipe.preset
    return load_preset(beside if beside.is_file() else recipe.preset)
