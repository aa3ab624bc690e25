"""Memory that a preset needs, derived from its configuration: the networks and states are built without storage."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipar_core.config import Preset
from lipar_core.weight_files import locate, umt5_encoder

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from lipar_core.models.precision import Precision
    from lipar_core.models.taehv import TAEHV

BFLOAT16_BYTES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Umt5Size:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryPlan:
    """Bytes on one device, by what they are for; `per_session` is multiplied by the number of sessions."""

    shared: dict[str, int]
    per_session: dict[str, int]
    sessions: int

    @property
    def total(self) -> int:
        return sum(self.shared.values()) + self.sessions * sum(self.per_session.values())

    def __str__(self) -> str:
        shared = ", ".join(f"{name} {_gib(size)}" for name, size in self.shared.items())
        state = ", ".join(f"{name} {_gib(size)}" for name, size in self.per_session.items())
        sessions = f"{self.sessions} session{'s' if self.sessions > 1 else ''} x ({state})" if state else ""
        return " + ".join(part for part in (shared, sessions) if part)


def stream_plan(preset: Preset, sessions: int, precision: "Precision") -> MemoryPlan:
    """What the model's device holds, without the text encoder."""
    from lipar_core.checkpoints.weights import MetaDevice
    from lipar_core.models.taehv import TAEHV
    from lipar_core.models.wan import CausalWan

    with MetaDevice():
        codec = TAEHV(preset.codec)
        transformer = CausalWan(preset.transformer)
    text = preset.transformer.layers * 2 * preset.transformer.text_length * preset.transformer.dim
    return MemoryPlan(
        shared={
            "transformer": parameter_count(transformer) * precision.linear.itemsize,
            "codec": parameter_count(codec) * precision.convolution.itemsize,
        },
        per_session={
            "KV cache": kv_cache_bytes(preset, precision.attention),
            "text keys and values": text * precision.linear.itemsize,
            "codec state": codec_state_bytes(codec, preset, precision.convolution),
        },
        sessions=sessions,
    )


def parameter_count(network: "nn.Module") -> int:
    return sum(value.numel() for value in network.state_dict().values())


def kv_cache_bytes(preset: Preset, dtype: "torch.dtype") -> int:
    from lipar_core.pruning.kv_cache import KVCache
    from lipar_core.rope import RotaryTable

    stream, transformer = preset.stream, preset.transformer
    rope = RotaryTable(transformer.head_dim, stream.rows, stream.cols, "meta")
    frame = (stream.tokens_per_frame, transformer.heads, transformer.head_dim)
    sizes = (transformer.layers, stream.sink_frames, stream.window_frames)
    cache = KVCache(*sizes, rope, stream.rope_cap_frames, frame, dtype)
    return sum(_bytes(value) for value in vars(cache).values())


def codec_state_bytes(codec: "TAEHV", preset: Preset, dtype: "torch.dtype") -> int:
    """What encoder and decoder keep from one block to the next."""
    import torch

    stream = preset.stream
    frames = torch.empty(1, stream.frames_per_block, 3, stream.height, stream.width, device="meta")
    latents, encoder = codec.encode(frames)
    _, decoder = codec.decode(latents)
    return sum(value.numel() for value in (*encoder.past, *decoder.past)) * dtype.itemsize


def text_encoder_bytes(preset: Preset) -> int:
    """Of the text encoder in memory: UMT5 in bfloat16; 0 if prompts are precomputed."""
    from lipar_core.checkpoints.weights import MetaDevice
    from lipar_core.models.hashed_text import HashedTextEncoder

    if preset.text.kind == "precomputed":
        return 0
    if preset.text.kind == "umt5":
        found = umt5_encoder(locate(preset.weights.text))
        is_checkpoint = found is not None and found.is_file()
        return found.stat().st_size if found and is_checkpoint else Umt5Size().parameters * BFLOAT16_BYTES
    with MetaDevice():
        encoder = HashedTextEncoder(preset.text, preset.transformer.text_length, preset.transformer.text_dim)
    return parameter_count(encoder) * 4  # float32


def text_on_gpu(preset: Preset, vram: int) -> bool:
    """Whether the text encoder is beside the transformer on a GPU with so many bytes."""
    from lipar_core.models.registry import LARGE_GPU_BYTES

    return preset.text.device == "same" or (preset.text.device == "auto" and vram >= LARGE_GPU_BYTES)


def _bytes(value: "Tensor | object") -> int:
    return int(getattr(value, "nbytes", 0))


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f}"
