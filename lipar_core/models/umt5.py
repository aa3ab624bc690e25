"""Loads Wan 2.1's text encoder from a Hugging Face folder or from the checkpoint that Wan publishes."""

import hashlib
from pathlib import Path
from typing import Any

import torch

from lipar_core.checkpoints.checkpoint_file import one_line
from lipar_core.checkpoints.quantised import StoredWeights
from lipar_core.checkpoints.weights import MetaDevice, load_network, read_weights
from lipar_core.config import Preset
from lipar_core.errors import CheckpointError
from lipar_core.kinds.text import UMT5Config, umt5_encoder, umt5_tokenizer
from lipar_core.models.embedding_files import CachedTextEncoder
from lipar_core.models.text_encoder import UMT5TextEncoder
from lipar_core.weight_files import embeddings_folder, locate

BLOCK = "encoder.block.{}.layer.{}."


def load_cached_umt5(config: UMT5Config, preset: Preset, device: torch.device) -> CachedTextEncoder:
    """UMT5 in bfloat16, as published; its embeddings are cached in the weights folder. Raises `CheckpointError`."""
    path = locate(preset.weights.text)
    length = preset.transformer.text_length
    if device.type == "cuda" and not config.runs_on_gpu(torch.cuda.get_device_properties(device).total_memory):
        device = torch.device("cpu")
    umt5 = load_umt5(path, length, device, torch.bfloat16)
    return CachedTextEncoder(umt5, embeddings_folder(), f"{umt5_identity(path)} {length}")


def load_umt5(folder: Path, text_length: int, device: torch.device, dtype: torch.dtype) -> UMT5TextEncoder:
    """Load encoder and tokenizer from a folder or from its `text_encoder/` and `tokenizer/`.

    Raises `CheckpointError` if they are missing or unreadable.
    """
    from transformers import AutoTokenizer, UMT5EncoderModel  # slow to import, and only this encoder needs it

    encoder = umt5_encoder(folder)
    tokenizer_folder = umt5_tokenizer(folder)
    if encoder is None:
        raise CheckpointError(f"text encoder {folder}: found neither a config.json nor a checkpoint")
    if tokenizer_folder is None:
        raise CheckpointError(f"text encoder {folder}: found no tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
        if encoder.is_dir():
            model = UMT5EncoderModel.from_pretrained(encoder, local_files_only=True, dtype=dtype).eval().to(device)
        else:
            model = _load_checkpoint(encoder, device, dtype)
    except CheckpointError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"text encoder {folder}: unreadable ({one_line(error)})") from error
    return UMT5TextEncoder(model, tokenizer, text_length, device)


def umt5_identity(folder: Path) -> str:
    """Hash that identifies encoder and tokenizer, by the sizes and modification times of their files."""
    parts = [umt5_encoder(folder), umt5_tokenizer(folder)]
    files = [file for part in parts if part for file in ([part] if part.is_file() else sorted(part.iterdir()))]
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(str(stats).encode()).hexdigest()


def _load_checkpoint(path: Path, device: torch.device, dtype: torch.dtype) -> Any:
    from transformers import UMT5EncoderModel

    config = _config(read_weights(path, "umt5"), path)
    with MetaDevice():
        model = UMT5EncoderModel(config)
    load_network(model, path, "umt5", device, dtype)
    return model


def _config(weights: StoredWeights, path: Path) -> Any:
    """The encoder's config, with sizes derived from its weights and UMT5's defaults for the rest."""
    from transformers import UMT5Config

    shapes = {name: value.shape for name, value in weights.stored.items()}
    try:
        vocabulary, width = shapes["shared.weight"]
        inner, _ = shapes[BLOCK.format(0, 1) + "DenseReluDense.wi_0.weight"]
        attention, _ = shapes[BLOCK.format(0, 0) + "SelfAttention.q.weight"]
        buckets, heads = shapes[BLOCK.format(0, 0) + "SelfAttention.relative_attention_bias.weight"]
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"text encoder {path}: is not a UMT5 encoder ({one_line(error)} is missing)") from error
    layers = len({name.split(".")[2] for name in shapes if name.startswith("encoder.block.")})
    return UMT5Config(
        vocab_size=vocabulary,
        d_model=width,
        d_ff=inner,
        d_kv=attention // heads,
        num_heads=heads,
        num_layers=layers,
        relative_attention_num_buckets=buckets,
    )
