"""The networks of a preset, loaded once and shared by all sessions."""

from dataclasses import dataclass

import torch

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.config import Preset
from lipar_core.errors import CheckpointError, LiparError
from lipar_core.models.embedding_files import CachedTextEncoder, PrecomputedTextEncoder
from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_core.models.precision import Precision, choose_precision
from lipar_core.models.prompts import PromptCache
from lipar_core.models.taehv import TAEHV
from lipar_core.models.text_encoder import TextEncoder
from lipar_core.models.umt5 import load_umt5, umt5_identity
from lipar_core.models.wan import CausalWan
from lipar_core.weight_files import embeddings_folder, locate, missing_weights

LARGE_GPU_BYTES = 23 * 2**30  # a GPU sold as 24 GB: room for UMT5-XXL (11 GB) beside the stream (7 GB)


@dataclass(frozen=True, slots=True)
class Models:
    """Networks in evaluation mode on one device; they hold no stream state."""

    preset: Preset
    codec: TAEHV
    dit: CausalWan
    prompts: PromptCache
    device: torch.device
    precision: Precision


def load_models(preset: Preset, device: str | None = None, dtype: str | None = None) -> Models:
    """Load a preset's checkpoints; `dtype`, in the format of `str(Precision)`, overrides the preset's.

    Raises `CheckpointError` if files are missing or don't fit, `LiparError` if the device or dtype does not exist.
    """
    target = torch.device(device or preset.device)
    if target.type == "cuda" and not torch.cuda.is_available():
        raise LiparError(f"device = {target}: this machine has no usable CUDA device; preset tiny runs on the CPU")
    missing = missing_weights(preset)
    if missing:
        raise CheckpointError(f"preset {preset.name}: {'; '.join(missing)} - `lipar download {preset.name}` gets them")
    precision = choose_precision(dtype or preset.dtype, target)
    weights = preset.weights
    with MetaDevice():
        codec = TAEHV(preset.codec)
        dit = CausalWan(preset.transformer)
    load_network(codec, locate(weights.codec), "codec", target, precision.convolution)
    loras = [(locate(lora.file), lora.scale) for lora in weights.loras]
    load_network(dit, locate(weights.transformer), "transformer", target, precision.linear, loras)
    return Models(preset, codec, dit, PromptCache(load_text_encoder(preset, target)), target, precision)


def load_text_encoder(preset: Preset, device: torch.device) -> TextEncoder:
    """The preset's text encoder; UMT5's embeddings are cached in the weights folder."""
    path = locate(preset.weights.text)
    length = preset.transformer.text_length
    if preset.text.kind == "precomputed":
        return PrecomputedTextEncoder(path)
    if preset.text.kind == "umt5":
        text_device = torch.device("cpu") if _text_on_cpu(preset, device) else device
        umt5 = load_umt5(path, length, text_device, torch.bfloat16)
        return CachedTextEncoder(umt5, embeddings_folder(), f"{umt5_identity(path)} {length}")
    with MetaDevice():
        encoder = HashedTextEncoder(preset.text, length, preset.transformer.text_dim)
    load_network(encoder, path, "text", device, torch.float32)
    return encoder


def _text_on_cpu(preset: Preset, device: torch.device) -> bool:
    if preset.text.device == "auto":
        return device.type != "cuda" or torch.cuda.get_device_properties(device).total_memory < LARGE_GPU_BYTES
    return preset.text.device == "cpu"
