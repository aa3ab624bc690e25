"""Training recipes: sizes, steps and learning rates, read from YAML by the product's parser."""

from pathlib import Path
from typing import Annotated

import yaml
from msgspec import Meta

from lipar_core.config import Positive, PositiveFloat, Preset
from lipar_core.errors import ConfigError, ParameterError
from lipar_core.parsing import ConfigStruct, parse
from lipar_core.presets import load_preset

Ratio = Annotated[float, Meta(ge=0, le=1)]
NonNegative = Annotated[float, Meta(ge=0, le=1000)]


class CodecRecipe(ConfigStruct, frozen=True, kw_only=True):
    """Fine-tuning of the autoencoder, after its start as an exact PCA code."""

    steps: Positive
    batch: Positive
    frames: Positive  # per training crop
    crop: Positive  # pixels
    rate: PositiveFloat  # peak learning rate
    warmup: Positive  # steps
    latent_noise: NonNegative


class StageRecipe(ConfigStruct, frozen=True, kw_only=True):
    """One stage of the renderers' or the editor's training; stages follow each other on the same weights."""

    name: str
    steps: Positive
    batch: Positive
    crop: tuple[int, ...] = ()  # height and width in pixels, multiples of 16; () means whole frames
    frames: Positive  # latent frames with a loss, rolled out on the model's own output
    past: Annotated[int, Meta(ge=0, le=40)] = 0  # maximum number of generated frames before them, without gradient
    prune: Ratio = 0.0  # ratio of rollouts with keep masks
    guide: NonNegative = 0.0  # weight of the distance to source and code, decays to 0 in the first half
    rate: PositiveFloat
    align_prompts: Annotated[int, Meta(ge=0)] = 0  # steps of `training/prompt_alignment.py` before the stage
    solve_head: bool = False  # by least squares, instead of training: `training/head.py`


class Recipe(ConfigStruct, frozen=True, kw_only=True):
    """A whole run."""

    preset: str  # name of a bundled preset, or a file in the recipe's folder
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
    """The preset trained by a recipe that was read from `path`."""
    local = path.parent / recipe.preset
    return load_preset(local if local.is_file() else recipe.preset)
