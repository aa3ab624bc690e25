"""The networks of a preset, loaded once and shared by all sessions."""

from dataclasses import dataclass, field
from typing import Any

import torch

from lipar_core.buckets import Costs, cheapest_buckets, checked_buckets, fixed_buckets
from lipar_core.config import Preset, StreamConfig
from lipar_core.errors import CheckpointError
from lipar_core.kernels.attention_choice import choose_attention
from lipar_core.kernels.graphs import Recorder, cuda_recorder
from lipar_core.kernels.side_stream import SideStream, side_stream
from lipar_core.kernels.start_up import kernels_mode, verify_kernels
from lipar_core.kinds.registry import CODECS, TEXT_ENCODERS, TRANSFORMERS
from lipar_core.models.devices import select_device
from lipar_core.models.fp8_layers import use_fp8_linears
from lipar_core.models.interfaces import Codec, Denoiser, TextEncoder
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.pass_costs import pass_costs
from lipar_core.models.precision import Precision, choose_precision
from lipar_core.models.prompts import PromptCache
from lipar_core.models.reuse_pool import ReusePool
from lipar_core.models.wan import CausalWan
from lipar_core.weight_files import missing_weights, missing_weights_remedy


@dataclass(frozen=True, slots=True)
class Models:
    """Networks in evaluation mode on one device; they hold no stream state."""

    preset: Preset
    codec: Codec
    dit: Denoiser
    prompts: PromptCache
    device: torch.device
    precision: Precision
    pass_costs: Costs = field(default_factory=dict)  # by number of tokens; empty on a CPU
    record: Recorder | None = None  # of CUDA graphs; None: operations run one by one
    side: SideStream = field(default_factory=lambda: SideStream(None))  # of the sessions' clean passes
    pool: ReusePool[Any] = field(default_factory=ReusePool)  # of the storage of ended sessions

    def buckets(self, stream: StreamConfig) -> tuple[int, ...]:
        """The numbers of tokens that a block may compute: the preset's, else chosen for the device."""
        if stream.buckets:
            return checked_buckets(stream.buckets, stream.block_tokens)
        if not self.pass_costs:
            return fixed_buckets(stream.block_tokens)
        return cheapest_buckets(self.pass_costs, stream.block_tokens)


def load_models(preset: Preset, device: str | None = None, dtype: str | None = None) -> Models:
    """Load a preset's checkpoints; `dtype`, in the format of `str(Precision)`, overrides the preset's.

    On a GPU its kernels are compiled and checked, and the attention is chosen.
    Raises `CheckpointError` if files are missing or don't fit, `LiparError` if the device or dtype does not exist.
    """
    target = select_device(device or preset.device)
    missing = missing_weights(preset)
    if missing:
        remedy = missing_weights_remedy(preset)
        raise CheckpointError(f"preset {preset.name}: {'; '.join(missing)} - {remedy}, then restart")
    precision = choose_precision(dtype or preset.dtype, target)
    if target.type == "cuda":
        torch.backends.cuda.matmul.allow_fp16_accumulation = preset.fp16_accumulation
    shapes = kernel_shapes(preset, precision, target)
    verify_kernels(shapes)
    choose_attention(shapes, preset.attention)
    codec: Codec = CODECS.loader(preset.codec)(preset.codec, preset, target, precision)
    dit: Denoiser = TRANSFORMERS.loader(preset.transformer)(preset.transformer, preset, target, precision)
    if preset.fp8_linears and isinstance(dit, CausalWan):
        use_fp8_linears(dit.blocks, shapes)
    prompts = PromptCache(load_text_encoder(preset, target))
    costs = pass_costs(dit, dit.config.layers, shapes)
    record = cuda_recorder() if target.type == "cuda" and kernels_mode() == "auto" else None
    return Models(preset, codec, dit, prompts, target, precision, costs, record, side_stream(target))


def load_text_encoder(preset: Preset, device: torch.device) -> TextEncoder:
    """The preset's text encoder. Raises `CheckpointError`."""
    encoder: TextEncoder = TEXT_ENCODERS.loader(preset.text)(preset.text, preset, device)
    return encoder
