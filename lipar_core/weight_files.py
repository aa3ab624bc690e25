"""Paths of a preset's checkpoints, and which are missing. Never imports torch: the web process uses it."""

import os
from pathlib import Path

from lipar_core.config import Preset
from lipar_core.preset_files import preset_names

RANDOM_WEIGHTS = Path("random:")  # no file: a network's weights are random


def weights_folder() -> Path:
    """The folder of downloaded checkpoints: $LIPAR_WEIGHTS, else ~/.cache/lipar."""
    return Path(os.environ.get("LIPAR_WEIGHTS") or "~/.cache/lipar").expanduser()


def download_command(preset: str) -> str:
    """The command that fetches a preset's checkpoints; $LIPAR_COMMAND is how `lipar` is run here, as in a container."""
    return f"{os.environ.get('LIPAR_COMMAND') or 'lipar'} download {preset}"


def missing_weights_remedy(preset: Preset) -> str:
    """What gets the files that `missing_weights` lists; those of a preset of one's own may be a bundled preset's."""
    weights = preset.weights
    required = [name for name in (weights.transformer, weights.codec) if not locate(name).exists()]
    if not locate(weights.text).exists() or preset.text.missing_parts(locate(weights.text)):
        required.append(weights.text)
    downloads = sorted({name.partition("/")[0] for name in required} & set(preset_names()))
    if not downloads:
        return "put the files there, or change the preset's `weights`"
    return " and ".join(f"`{download_command(name)}`" for name in downloads) + " gets them"


def converted_folder() -> Path:
    """The folder of converted checkpoints, see `converted_weights.py`."""
    return weights_folder() / "converted"


def embeddings_folder() -> Path:
    """The folder of cached prompt embeddings."""
    return weights_folder() / "embeddings"


def locate(name: str) -> Path:
    """The path of a preset's weights entry; the file may be missing. `random:` stays as it is."""
    if name == str(RANDOM_WEIGHTS):
        return RANDOM_WEIGHTS
    if name.startswith("bundled:"):
        return Path(__file__).parent / "data" / name.removeprefix("bundled:")
    return weights_folder() / name  # an absolute path is unchanged


def missing_weights(preset: Preset) -> list[str]:
    """One line for each checkpoint of the preset that is not on this machine."""
    weights = preset.weights
    loras = (lora.file for lora in weights.loras)
    names = dict.fromkeys([weights.transformer, weights.codec, weights.text, *loras])
    paths = [path for path in map(locate, names) if path != RANDOM_WEIGHTS]
    missing = [f"{path} is missing" for path in paths if not path.exists()]
    return missing or preset.text.missing_parts(locate(weights.text))
