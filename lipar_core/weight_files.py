"""Where a preset's checkpoints are, and which are missing. No torch: the web process asks too."""

import os
from pathlib import Path

from lipar_core.config import Preset


def weights_folder() -> Path:
    """Where downloaded checkpoints are looked for: $LIPAR_WEIGHTS, else ~/.cache/lipar."""
    return Path(os.environ.get("LIPAR_WEIGHTS") or "~/.cache/lipar").expanduser()


def converted_folder() -> Path:
    """Where large checkpoints are kept in the form that loads fastest."""
    return weights_folder() / "converted"


def locate(name: str) -> Path:
    """The path that a preset's weights entry stands for; the file may be missing."""
    if name.startswith("bundled:"):
        return Path(__file__).parent / "data" / name.removeprefix("bundled:")
    return weights_folder() / name  # an absolute name stands for itself


def missing_weights(preset: Preset) -> list[str]:
    """One line for each checkpoint of the preset that is not on this machine."""
    weights = preset.weights
    loras = (lora.file for lora in weights.loras)
    names = dict.fromkeys([weights.transformer, weights.codec, weights.text, *loras])
    return [f"{locate(name)} is missing" for name in names if not locate(name).exists()]
