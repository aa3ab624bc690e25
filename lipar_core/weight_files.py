"""Paths of a preset's checkpoints, and which are missing. Never imports torch: the web process uses it."""

import os
from pathlib import Path

from lipar_core.config import Preset


def weights_folder() -> Path:
    """The folder of downloaded checkpoints: $LIPAR_WEIGHTS, else ~/.cache/lipar."""
    return Path(os.environ.get("LIPAR_WEIGHTS") or "~/.cache/lipar").expanduser()


def converted_folder() -> Path:
    """The folder of converted checkpoints, see `converted_weights.py`."""
    return weights_folder() / "converted"


def embeddings_folder() -> Path:
    """The folder of cached prompt embeddings."""
    return weights_folder() / "embeddings"


def locate(name: str) -> Path:
    """The path of a preset's weights entry; the file may be missing."""
    if name.startswith("bundled:"):
        return Path(__file__).parent / "data" / name.removeprefix("bundled:")
    return weights_folder() / name  # an absolute path stays as it is


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
    """The folder of a Hugging Face encoder, or a checkpoint of the encoder; None if there is neither."""
    for candidate in (folder / "text_encoder", folder):
        if (candidate / "config.json").is_file():
            return candidate
    files = (path for suffix in (".safetensors", ".pth", ".pt") for path in sorted(folder.glob(f"*{suffix}")))
    return next(files, None)


def umt5_tokenizer(folder: Path) -> Path | None:
    """The folder of a Hugging Face tokenizer; None if there is none."""
    names = ("tokenizer.json", "spiece.model")
    candidates = (folder / "tokenizer", folder / "google" / "umt5-xxl", folder)
    return next((path for path in candidates if any((path / name).is_file() for name in names)), None)
