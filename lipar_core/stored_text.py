"""Embeddings of prompts on disk: kept from one start to the next, or made elsewhere and shipped without the encoder."""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lipar_core.errors import CheckpointError, LiparError
from lipar_core.foreign_files import is_safetensors
from lipar_core.text_encoder import TextEncoder, clean_prompt

log = logging.getLogger(__name__)

MAX_FILES = 2000  # of some 0.2 MB each; the oldest go
PROMPTS = "lipar_prompts"  # in the file's metadata: JSON, by tensor: the prompt, its tokens that are read, all of them


class StoredTextEncoder:
    """An encoder that finds what it has encoded before in a folder, also after a restart."""

    def __init__(self, encoder: TextEncoder, folder: Path, identity: str) -> None:
        """identity: of the encoder; another one's embeddings are not taken for its own."""
        self.encoder, self.folder, self.identity = encoder, folder, identity

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]."""
        path = self._path(prompt)
        if path.is_file():
            try:
                return _padded(load_file(path))
            except (SafetensorError, KeyError, OSError) as error:
                log.warning("%s is damaged and made anew: %s", path, error)
        context = self.encoder.encode(prompt)
        self._keep(path, context)
        return context

    def count(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are read, and how many it has."""
        return self.encoder.count(prompt)

    def _path(self, prompt: str) -> Path:
        text = f"{self.identity}\0{clean_prompt(prompt)}"
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"

    def _keep(self, path: Path, context: Tensor) -> None:
        """Write the embedding, whole or not at all; where that cannot be, it is encoded again after a restart."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                save_file(_packed(context), Path(folder) / path.name)
                os.replace(Path(folder) / path.name, path)
            files = sorted(self.folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
            for old in files[:-MAX_FILES]:
                old.unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            log.warning("the embedding of a prompt is not kept in %s: %s", self.folder, error)


class PrecomputedText:
    """The embeddings of a file that `write_embeddings` made, without the encoder."""

    def __init__(self, path: Path) -> None:
        """Raises `CheckpointError` where the file holds none."""
        if not path.is_file() or not is_safetensors(path):
            raise CheckpointError(f"embeddings {path}: is no safetensors file")
        try:
            with safe_open(path, framework="pt") as file:
                table = json.loads((file.metadata() or {})[PROMPTS])
            self._tensors = load_file(path)
            self._prompts = {text: (key, (int(used), int(given))) for key, (text, used, given) in table.items()}
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(f"embeddings {path}: holds no prompts of `lipar embed`") from error
        self._path = path

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]; raises `LiparError` for one that is not in the file."""
        key, _ = self._entry(prompt)
        return _padded({name: self._tensors[f"{key}.{name}"] for name in ("context", "length")})

    def count(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are read, and how many it has."""
        return self._entry(prompt)[1]

    def _entry(self, prompt: str) -> tuple[str, tuple[int, int]]:
        found = self._prompts.get(clean_prompt(prompt))
        if found is None:
            raise LiparError(
                f"prompt {prompt[:60]!r} is none of the {len(self._prompts)} in {self._path.name}, "
                "and there is no text encoder to read it"
            )
        return found


def write_embeddings(path: Path, encoder: TextEncoder, prompts: list[str]) -> None:
    """Encode prompts into one file."""
    tensors: dict[str, Tensor] = {}
    table: Mapping[str, tuple[str, int, int]] = {
        str(i): (clean_prompt(prompt), *encoder.count(prompt)) for i, prompt in enumerate(prompts)
    }
    for key, (prompt, *_) in table.items():
        tensors |= {f"{key}.{name}": value for name, value in _packed(encoder.encode(prompt)).items()}
    save_file(tensors, path, {PROMPTS: json.dumps(table)})


def _packed(context: Tensor) -> dict[str, Tensor]:
    """The rows up to the last that is not zero: UMT5 pads with zeros, which are most of its 4 MB."""
    used = int(context.any(dim=-1).nonzero().max()) + 1 if context.any() else 0
    return {"context": context[:used].cpu().contiguous(), "length": torch.tensor(len(context))}


def _padded(packed: Mapping[str, Tensor]) -> Tensor:
    context = packed["context"]
    padded = context.new_zeros(int(packed["length"]), context.shape[-1])
    padded[: len(context)] = context
    return padded
