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


def embeddings_folder() -> Path:
    """Where the embeddings of prompts are kept that a large text encoder has made."""
    return weights_folder() / "embeddings"


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
    missing = [f"{locate(name)} is missing" for name in names if not locate(name).exists()]
    if not missing and preset.text.kind == "umt5":
        folder = locate(weights.text)
        parts = {"text encoder": umt5_encoder(folder), "tokenizer": umt5_tokenizer(folder)}
        missing = [f"{folder} has no {part}" for part, path in parts.items() if path is None]
    return missing


def umt5_encoder(folder: Path) -> Path | None:
    """The folder of a Hugging Face encoder, or a checkpoint of the encoder alone; None where there is neither."""
    for place in (folder / "text_encoder", folder):
        if (place / "config.json").is_file():
            return place
    files = (path for suffix in (".safetensors", ".pth", ".pt") for path in sorted(folder.glob(f"*{suffix}")))
    return next(files, None)


def umt5_tokenizer(folder: Path) -> Path | None:
    """The folder of a Hugging Face tokenizer; None where there is none."""
    names = ("tokenizer.json", "spiece.model")
    places = (folder / "tokenizer", folder / "google" / "umt5-xxl", folder)
    return next((place for place in places if any((place / name).is_file() for name in names)), None)
