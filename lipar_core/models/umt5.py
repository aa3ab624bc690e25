"""Loads Wan 2.1's text encoder from a Hugging Face folder or from the checkpoint that Wan publishes."""

import hashlib
from pathlib import Path
from typing import Any

import torch

from lipar_core.checkpoints.checkpoint_paths import one_line
from lipar_core.checkpoints.int8_weights import load_int8_network
from lipar_core.checkpoints.quantised import StoredWeights
from lipar_core.checkpoints.weights import MetaDevice, checked_weights, load_network, read_weights
from lipar_core.config import Preset
from lipar_core.errors import CheckpointError
from lipar_core.kinds.text import UMT5Config, umt5_encoder, umt5_tokenizer
from lipar_core.models.embedding_files import CachedTextEncoder
from lipar_core.models.int8_layers import Int8Embedding, replace_linear_layers
from lipar_core.models.text_encoder import UMT5TextEncoder
from lipar_core.weight_files import embeddings_folder, locate

BLOCK = "encoder.block.{}.layer.{}."


def load_cached_umt5(config: UMT5Config, preset: Preset, device: torch.device) -> CachedTextEncoder:
    """UMT5, computed in bfloat16, with a cache of its embeddings in the weights folder. Raises `CheckpointError`."""
    path = locate(preset.weights.text)
    length = preset.transformer.text_length
    if device.type == "cuda" and not config.runs_on_gpu(torch.cuda.get_device_properties(device).total_memory):
        device = torch.device("cpu")
    int8 = config.dtype == "int8"
    umt5 = load_umt5(path, length, device, torch.bfloat16, int8=int8)
    identity = f"{umt5_identity(path)} {length}{' int8' if int8 else ''}"
    return CachedTextEncoder(umt5, embeddings_folder(), identity)


def load_umt5(
    folder: Path, text_length: int, device: torch.device, dtype: torch.dtype, *, int8: bool = False
) -> UMT5TextEncoder:
    """Load encoder and tokenizer from a folder or from its `text_encoder/` and `tokenizer/`.

    int8: the matrices in 8 bits. Raises `CheckpointError` if files are missing or unreadable.
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
        if int8:
            model = _load_int8(encoder, device, dtype)
        elif encoder.is_dir():
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
    model = _without_weights(path)
    load_network(model, path, "umt5", device, dtype)
    return model


def _load_int8(path: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """The encoder with linear layers and token table in 8 bits; norms and position tables have `dtype`."""
    model = _without_weights(path)
    weights = checked_weights(model, path, "umt5")
    with MetaDevice():
        replace_linear_layers(model)
        table = Int8Embedding(model.config.vocab_size, model.config.d_model, dtype)
    model.set_input_embeddings(table)
    load_int8_network(model, weights, path, "umt5", device, dtype)
    return model


def _without_weights(path: Path) -> Any:
    """The encoder on the meta device, with the sizes of a checkpoint or of a Hugging Face folder."""
    from transformers import UMT5Config, UMT5EncoderModel

    config = UMT5Config.from_pretrained(path) if path.is_dir() else _config(read_weights(path, "umt5"), path)
    with MetaDevice():
        return UMT5EncoderModel(config)


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
