"""Memory that a preset needs, derived from its configuration: the networks and states are built without storage."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipar_core.config import Preset, StreamConfig
from lipar_core.errors import LiparError
from lipar_core.kinds.registry import CODECS, TRANSFORMERS
from lipar_core.weight_files import locate

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from lipar_core.models.interfaces import Codec, Denoiser
    from lipar_core.models.precision import Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryPlan:
    """Bytes on one device, by what they are for; `per_session` is multiplied by the number of sessions."""

    shared: dict[str, int]
    per_session: dict[str, int]
    sessions: int

    @property
    def total(self) -> int:
        return sum(self.shared.values()) + self.sessions * sum(self.per_session.values())

    def sessions_within(self, size: int) -> int:
        """How many sessions fit beside what they share; 0 also if that does not fit."""
        session = sum(self.per_session.values())
        return max(0, (size - sum(self.shared.values())) // session) if session else self.sessions

    def __str__(self) -> str:
        shared = ", ".join(f"{name} {_gib(size)}" for name, size in self.shared.items())
        state = ", ".join(f"{name} {_gib(size)}" for name, size in self.per_session.items())
        sessions = f"{self.sessions} session{'s' if self.sessions > 1 else ''} x ({state})" if state else ""
        return " + ".join(part for part in (shared, sessions) if part)


def check_gpu_memory(preset: Preset, device: str | None = None, dtype: str | None = None) -> None:
    """Before anything is loaded: raises `LiparError` if the preset with one session does not fit into free memory.

    Only GPUs are checked. device and dtype replace the preset's.
    """
    import torch

    from lipar_core.models.devices import select_device
    from lipar_core.models.precision import planned_precision

    target = select_device(device or preset.device)
    if target.type == "cuda":
        free, total = torch.cuda.mem_get_info(target)
        plan = stream_plan(preset, 1, planned_precision(dtype or preset.dtype, on_gpu=True), on_gpu=True)
        if preset.text.runs_on_gpu(total):
            plan.shared["text encoder"] = preset.text.memory_bytes(locate(preset.weights.text), preset.transformer)
        require_fit(plan, free, f"preset {preset.name} on {target}")


def require_fit(plan: MemoryPlan, free: int, what: str) -> None:
    """Raises `LiparError` with the plan if it needs more than the free bytes."""
    if plan.total > free:
        remedies = "end other programs that use this memory, or use a larger GPU"
        if plan.shared.get("text encoder"):
            remedies += ", or load the text encoder on the CPU (text.device: cpu) or in 8 bits (--text-dtype)"
        raise LiparError(
            f"{what} does not fit into memory: {plan} = {_gib(plan.total)} of {_gib(free)} GiB free; {remedies}"
        )


def session_text(preset: Preset, sessions: int, precision: "Precision", *, on_gpu: bool) -> str:
    """What so many sessions of the preset take, on one line."""
    plan = stream_plan(preset, sessions, precision, on_gpu=on_gpu)
    return f"planned are {plan} = {_gib(plan.total)} GiB"


def stream_plan(preset: Preset, sessions: int, precision: "Precision", *, on_gpu: bool) -> MemoryPlan:
    """What the model's device holds at most, without the text encoder and libraries; on a GPU with CUDA graphs."""
    from lipar_core.checkpoints.weights import MetaDevice
    from lipar_core.workspace import block_workspace

    with MetaDevice():
        codec = CODECS.build(preset.codec)
        transformer = TRANSFORMERS.build(preset.transformer)
    config = preset.transformer
    cache, buffers = session_storage(transformer, preset, precision)
    text = config.layers * 2 * config.text_length * config.heads * config.head_dim
    state = codec_state_bytes(codec, preset, precision.convolution)
    workspace = block_workspace(preset, precision)
    shared = {
        "transformer": parameter_count(transformer) * precision.linear.itemsize,
        "codec": parameter_count(codec) * precision.convolution.itemsize,
        "workspace": workspace.with_graphs if on_gpu else workspace.without_graphs,
    }
    return MemoryPlan(
        shared=shared | ({"graphs": workspace.graphs} if on_gpu else {}),
        per_session={
            "KV cache": cache,
            "buffers": buffers,
            "text keys and values": text * precision.linear.itemsize,
            "codec state": state,
            "pictures": picture_bytes(preset.stream),
        },
        sessions=sessions,
    )


def parameter_count(network: "nn.Module") -> int:
    return sum(value.numel() for value in network.state_dict().values())


def session_storage(network: "Denoiser", preset: Preset, precision: "Precision") -> tuple[int, int]:
    """Bytes of a session's KV cache, and of what its blocks are computed in."""
    import torch

    from lipar_core.runtime.passes import Passes
    from lipar_core.stream.state import build_cache

    cache = build_cache(network, preset.stream, torch.device("meta"), precision.attention)
    passes = Passes(network, cache, preset.stream.block_frames, precision.linear)
    passes.noise.reserve(len(preset.schedule.steps))
    return held_bytes(cache), sum(map(held_bytes, (passes.buffers, passes.tokens, passes.noise)))


def picture_bytes(stream: StreamConfig) -> int:
    """Frames in float32: those that wait, the newest block's source and output, the detector's, and the newest."""
    frames = 3 * stream.frames_per_block + 2 * stream.frames_per_latent + 1
    return frames * 3 * stream.height * stream.width * 4


def held_bytes(owner: object) -> int:
    """Of the tensors that are an object's attributes; memory that several of them share counts once."""
    storages = {
        value.untyped_storage()._cdata: value.untyped_storage() for value in _tensors(list(vars(owner).values()))
    }
    return sum(storage.nbytes() for storage in storages.values())


def codec_state_bytes(codec: "Codec", preset: Preset, dtype: "torch.dtype") -> int:
    """What encoder and decoder keep from one block to the next."""
    import torch

    stream = preset.stream
    frames = torch.empty(1, stream.frames_per_block, 3, stream.height, stream.width, device="meta")
    latents, encoder = codec.encode(frames)
    _, decoder = codec.decode(latents)
    return sum(value.numel() for value in _tensors((encoder, decoder))) * dtype.itemsize


def _tensors(state: object) -> "list[Tensor]":
    """All tensors of a codec's state."""
    import torch

    from lipar_core.runtime.fixed_tensors import leaves

    return [value for value in leaves(state) if isinstance(value, torch.Tensor)]


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f}"
