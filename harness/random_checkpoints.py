"""Checkpoints with the names, shapes and dtypes of the published ones and random values."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from lipar_core.checkpoints.converted_weights import write_safetensors
from lipar_core.checkpoints.weights import MetaDevice
from lipar_core.config import Preset
from lipar_core.kinds.registry import CODECS, TRANSFORMERS
from lipar_core.kinds.text import UMT5Size

TOKENS = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -2.0) for letter in "▁abcdefghijklmnopqrstuvwxyz&")]
PIECE = 2**24  # values that are written at a time, the same each time
DEVIATION = 0.02


def write_checkpoints(folder: Path, preset: Preset) -> None:
    """All checkpoints of a preset with UMT5, below `folder`: the transformer in float32, the others in bfloat16."""
    with MetaDevice():
        transformer = TRANSFORMERS.build(preset.transformer).state_dict()
        codec = CODECS.build(preset.codec).state_dict()
    write_random(folder / preset.weights.transformer, transformer, torch.float32)
    write_random(folder / preset.weights.codec, codec, torch.bfloat16)
    write_text_encoder(folder / preset.weights.text)


def write_text_encoder(folder: Path, size: UMT5Size | None = None) -> None:
    """Encoder (UMT5-XXL unless `size` is given) in bfloat16, and a tokenizer of single letters."""
    size = size or UMT5Size()
    config = UMT5Config(
        vocab_size=size.vocabulary,
        d_model=size.width,
        d_ff=size.feed_forward,
        d_kv=size.head_dim,
        num_heads=size.heads,
        num_layers=size.layers,
        relative_attention_num_buckets=size.buckets,
    )
    with MetaDevice():
        state = UMT5EncoderModel(config).state_dict()
    del state["encoder.embed_tokens.weight"]  # tied
    write_random(folder / "models_t5.safetensors", state, torch.bfloat16)
    T5TokenizerFast(vocab=TOKENS, extra_ids=0).save_pretrained(folder / "tokenizer")


def write_random(path: Path, shapes: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """A safetensors file, whatever its suffix, with tensors of these names and shapes."""
    values = (torch.randn(PIECE) * DEVIATION).to(dtype)

    def pieces(name: str) -> Iterator[Tensor]:
        count = shapes[name].numel()
        for begin in range(0, count, PIECE):
            yield values[: min(PIECE, count - begin)]

    path.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(path, {name: value.to("meta", dtype) for name, value in shapes.items()}, pieces)
