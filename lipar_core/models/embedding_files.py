"""Prompt embeddings on disk: a cache that survives restarts, and files shipped in place of an encoder."""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from lipar_core.checkpoints.file_formats import is_safetensors
from lipar_core.config import Preset
from lipar_core.errors import CheckpointError, LiparError
from lipar_core.kinds.text import PrecomputedConfig
from lipar_core.models.interfaces import TextEncoder
from lipar_core.models.text_encoder import clean_prompt
from lipar_core.weight_files import locate

log = logging.getLogger(__name__)

MAX_FILES = 2000  # of about 0.2 MB each; the oldest are deleted
PROMPTS_KEY = "lipar_prompts"  # metadata key; JSON: tensor prefix -> [prompt, tokens encoded, tokens in all]


class CachedTextEncoder:
    """A text encoder with a cache of embeddings in a folder."""

    def __init__(self, encoder: TextEncoder, folder: Path, identity: str) -> None:
        """identity: of the encoder; part of the cache key, so that encoders can share a folder."""
        self.encoder = encoder
        self.folder = folder
        self.identity = identity

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]."""
        path = self._path(prompt)
        if path.is_file():
            try:
                return _unpack(load_file(path))
            except (SafetensorError, KeyError, OSError) as error:
                log.warning("%s is damaged and is encoded again: %s", path, error)
        context = self.encoder.encode(prompt)
        self._store(path, context)
        return context

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are encoded, and how many it has."""
        return self.encoder.count_tokens(prompt)

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """The encoder's."""
        return self.encoder.unknown_words(prompt)

    def _path(self, prompt: str) -> Path:
        text = f"{self.identity}\0{clean_prompt(prompt)}"
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"

    def _store(self, path: Path, context: Tensor) -> None:
        """Write the embedding atomically; a failure is logged, the prompt is encoded again after a restart."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                (Path(folder) / path.name).write_bytes(save(_pack(context)))
                os.replace(Path(folder) / path.name, path)
            files = sorted(self.folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
            for old in files[:-MAX_FILES]:
                old.unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            log.warning("a prompt embedding could not be stored in %s: %s", self.folder, error)


class PrecomputedTextEncoder:
    """Reads embeddings from a file written by `write_embeddings`; there is no encoder."""

    def __init__(self, path: Path) -> None:
        """Raises `CheckpointError` if the file is not such a file."""
        if not path.is_file() or not is_safetensors(path):
            raise CheckpointError(f"embeddings {path}: is not a safetensors file")
        try:
            with safe_open(path, framework="pt") as file:
                table = json.loads((file.metadata() or {})[PROMPTS_KEY])
            self._tensors = load_file(path)
            self._prompts = {text: (key, (int(used), int(total))) for key, (text, used, total) in table.items()}
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(f"embeddings {path}: was not written by `lipar embed`") from error
        self._path = path

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]; raises `LiparError` if it is not in the file."""
        key, _ = self._lookup(prompt)
        return _unpack({name: self._tensors[f"{key}.{name}"] for name in ("context", "length")})

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are encoded, and how many it has."""
        return self._lookup(prompt)[1]

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """None: a prompt that is not in the file is rejected."""
        return ()

    def _lookup(self, prompt: str) -> tuple[str, tuple[int, int]]:
        entry = self._prompts.get(clean_prompt(prompt))
        if entry is None:
            raise LiparError(
                f"prompt {prompt[:60]!r} is not among the {len(self._prompts)} in {self._path.name}, "
                "and this preset has no text encoder"
            )
        return entry


def load_precomputed(config: PrecomputedConfig, preset: Preset, device: torch.device) -> PrecomputedTextEncoder:
    """Raises `CheckpointError`."""
    return PrecomputedTextEncoder(locate(preset.weights.text))


def write_embeddings(path: Path, encoder: TextEncoder, prompts: list[str]) -> None:
    """Encode prompts into one file. Raises `OSError` if it cannot be written."""
    tensors: dict[str, Tensor] = {}
    table: Mapping[str, tuple[str, int, int]] = {
        str(i): (clean_prompt(prompt), *encoder.count_tokens(prompt)) for i, prompt in enumerate(prompts)
    }
    for key, (prompt, *_) in table.items():
        tensors |= {f"{key}.{name}": value for name, value in _pack(encoder.encode(prompt)).items()}
    path.write_bytes(save(tensors, {PROMPTS_KEY: json.dumps(table)}))


def _pack(context: Tensor) -> dict[str, Tensor]:
    """The rows up to the last non-zero one: most of UMT5's 4 MB are padding."""
    used = int(context.any(dim=-1).nonzero().max()) + 1 if context.any() else 0
    return {"context": context[:used].cpu().contiguous(), "length": torch.tensor(len(context))}


def _unpack(packed: Mapping[str, Tensor]) -> Tensor:
    context = packed["context"]
    padded = context.new_zeros(int(packed["length"]), context.shape[-1])
    padded[: len(context)] = context
    return padded
