"""The networks of a preset, loaded once and shared by all sessions."""

from dataclasses import dataclass

import torch

from lipar_core.config import Preset
from lipar_core.dit import CausalWan
from lipar_core.errors import CheckpointError, LiparError
from lipar_core.hashed_text import HashedTextEncoder
from lipar_core.precision import Precision, choose_precision
from lipar_core.prompts import PromptCache
from lipar_core.stored_text import PrecomputedText, StoredTextEncoder
from lipar_core.taehv import TAEHV
from lipar_core.text_encoder import TextEncoder
from lipar_core.umt5 import load_umt5, umt5_identity
from lipar_core.weight_files import embeddings_folder, locate, missing_weights
from lipar_core.weights import Skeleton, load_network

LARGE_GPU_BYTES = 23 * 2**30  # what is sold as 24 GB: room for UMT5-XXL's 11 GB beside the stream's 7


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
    """Load a preset's checkpoints; `dtype` in place of the preset's own, as `str(Precision)` spells it.

    Raises `CheckpointError` when files are missing or don't fit, `LiparError` when there is no such device or dtype.
    """
    place = torch.device(device or preset.device)
    if place.type == "cuda" and not torch.cuda.is_available():
        raise LiparError(f"device = {place}: this machine has no usable CUDA device; preset tiny runs on the CPU")
    missing = missing_weights(preset)
    if missing:
        raise CheckpointError(f"preset {preset.name}: {'; '.join(missing)} - `lipar download {preset.name}` gets them")
    precision, weights = choose_precision(dtype or preset.dtype, place), preset.weights
    with Skeleton():
        codec, dit = TAEHV(preset.codec), CausalWan(preset.transformer)
    load_network(codec, locate(weights.codec), "codec", place, precision.convolution)
    loras = [(locate(lora.file), lora.scale) for lora in weights.loras]
    load_network(dit, locate(weights.transformer), "transformer", place, precision.linear, loras)
    return Models(preset, codec, dit, PromptCache(load_text_encoder(preset, place)), place, precision)


def load_text_encoder(preset: Preset, place: torch.device) -> TextEncoder:
    """The preset's text encoder; what a large one has encoded is kept in the weights folder."""
    path, length = locate(preset.weights.text), preset.transformer.text_length
    if preset.text.kind == "precomputed":
        return PrecomputedText(path)
    if preset.text.kind == "umt5":
        where = torch.device("cpu") if _text_on_cpu(preset, place) else place
        umt5 = load_umt5(path, length, where, torch.bfloat16)
        return StoredTextEncoder(umt5, embeddings_folder(), f"{umt5_identity(path)} {length}")
    with Skeleton():
        encoder = HashedTextEncoder(preset.text, length, preset.transformer.text_dim)
    load_network(encoder, path, "text", place, torch.float32)
    return encoder


def _text_on_cpu(preset: Preset, place: torch.device) -> bool:
    if preset.text.device == "auto":
        return place.type != "cuda" or torch.cuda.get_device_properties(place).total_memory < LARGE_GPU_BYTES
    return preset.text.device == "cpu"
