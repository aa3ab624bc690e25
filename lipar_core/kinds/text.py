"""Configuration of the text encoders, which turn a prompt into `text_length` vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from lipar_core.kinds.interfaces import Positive, TransformerConfig
from lipar_core.parsing import ConfigStruct

TextDtype = Literal["bfloat16", "int8"]
# From this memory of a GPU on, `device: auto` puts UMT5-XXL (11 or 6 GB) beside two streams (9 GB).
LARGE_GPU_BYTES: dict[TextDtype, int] = {"bfloat16": 23 * 2**30, "int8": 19 * 2**30}


@dataclass(frozen=True, kw_only=True, slots=True)
class UMT5Size:
    """Sizes of a UMT5 encoder. The defaults are UMT5-XXL's."""

    vocabulary: int = 256_384
    width: int = 4096
    feed_forward: int = 10_240
    layers: int = 24
    heads: int = 64
    head_dim: int = 64
    buckets: int = 32  # of relative positions, a table per layer

    @property
    def parameters(self) -> int:
        inner = self.heads * self.head_dim
        attention = 4 * self.width * inner + self.buckets * self.heads
        layer = attention + 3 * self.width * self.feed_forward + 2 * self.width  # and two norms
        return self.vocabulary * self.width + self.layers * layer + self.width


class UMT5Config(ConfigStruct, frozen=True, kw_only=True):
    """Wan 2.1's text encoder (`lipar_core/models/umt5.py`)."""

    kind: ClassVar[str] = "umt5"

    device: Literal["auto", "same", "cpu"] = "same"  # auto: the GPU if it has room for both
    dtype: TextDtype = "bfloat16"  # int8: the matrices in 8 bits, with a scale per row

    def missing_parts(self, path: Path) -> list[str]:
        parts = {"text encoder": umt5_encoder(path), "tokenizer": umt5_tokenizer(path)}
        return [f"{path} has no {part}" for part, location in parts.items() if location is None]

    def runs_on_gpu(self, gpu_bytes: int) -> bool:
        return self.device == "same" or (self.device == "auto" and gpu_bytes >= LARGE_GPU_BYTES[self.dtype])

    def memory_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """A checkpoint counts as bfloat16, a folder of unknown sizes as UMT5-XXL; the scales of int8 are left out."""
        size = _bfloat16_bytes(path)
        return size // 2 if self.dtype == "int8" else size

    def disk_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """The checkpoint, if it is missing, and the copy in 8 bits."""
        missing = 0 if path.exists() else _bfloat16_bytes(path)
        return missing + (self.memory_bytes(path, transformer) if self.dtype == "int8" else 0)


class SmallTextConfig(ConfigStruct, frozen=True, kw_only=True):
    """A text encoder in one file, loaded to the preset's device."""

    def missing_parts(self, path: Path) -> list[str]:
        return []

    def runs_on_gpu(self, gpu_bytes: int) -> bool:
        return True

    def memory_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """Nothing worth counting."""
        return 0

    def disk_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        return 0 if path.exists() else self.memory_bytes(path, transformer)


class HashedConfig(SmallTextConfig, frozen=True, kw_only=True):
    """The tiny model's text encoder (`lipar_core/models/hashed_text.py`)."""

    kind: ClassVar[str] = "hashed"

    buckets: Positive = 4096  # rows of the embedding table
    dim: Positive = 64  # width of an embedding
    words: str | None = None  # file of the words that it was trained on; None: unknown words are not reported

    def memory_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """Bytes in float32: embedding, key, queries, and two layers of the output."""
        inner = (self.buckets + transformer.text_length + self.dim + 1) * self.dim
        return 4 * (inner + (self.dim + 1 + transformer.text_dim + 1) * transformer.text_dim)


class PrecomputedConfig(SmallTextConfig, frozen=True, kw_only=True):
    """A file of embeddings, written by `lipar embed` (`lipar_core/models/embedding_files.py`)."""

    kind: ClassVar[str] = "precomputed"


def _bfloat16_bytes(path: Path) -> int:
    location = umt5_encoder(path)
    return location.stat().st_size if location and location.is_file() else 2 * UMT5Size().parameters


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
