"""Deterministic counters of a block: its transformer passes and change detector at any preset's full size, without
storage or weights, and whole blocks of a session."""

from dataclasses import asdict, dataclass
from typing import Literal

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.checkpoints.weights import MetaDevice
from lipar_core.config import Preset
from lipar_core.flow import sigmas
from lipar_core.kinds.registry import TRANSFORMERS
from lipar_core.models.interfaces import Denoiser
from lipar_core.models.precision import planned_precision
from lipar_core.presets import default_parameters
from lipar_core.pruning.detector import Detector
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import select
from lipar_core.runtime.denoise import BlockPlan, clean_pass, denoise_block, prepare_schedule
from lipar_core.runtime.passes import Passes
from lipar_core.session import EditSession
from lipar_core.stream.state import build_cache
from lipar_eval.operation_counter import CalledFunctions, OperationCounter

META = torch.device("meta")


@dataclass(frozen=True, slots=True)
class BlockCounters:
    """What a block does; everything but operations and bytes is independent of the device."""

    operations: int
    elementwise_gb: float
    large_allocations: int  # of 64 KiB or more
    other_allocations: int  # of these, all but the outputs of products, attention and norms
    host_waits: int
    flops: int

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def transformer_block(preset: Preset, ratio: float) -> BlockCounters:
    """The denoising steps and the clean pass of a block in steady state, `ratio` of each latent frame's tokens kept.

    Networks, cache and tokens have no storage, so that any preset is counted at its full size on any machine.
    """
    dtype = planned_precision(preset.dtype, on_gpu=preset.device == "cuda").linear
    with MetaDevice():
        dit: Denoiser = TRANSFORMERS.build(preset.transformer).to(META, dtype)
    cache = build_cache(dit, preset.stream, META, dtype)
    while cache.frames < cache.sink + cache.window + preset.stream.rope_cap_frames:
        cache.open(preset.stream.block_frames)
        cache.commit()
    return _count_passes(dit, cache, preset, ratio)


@torch.inference_mode()
def _count_passes(dit: Denoiser, cache: KVCache, preset: Preset, ratio: float) -> BlockCounters:
    config, stream = preset.transformer, preset.stream
    tokens = stream.tokens_per_frame
    dtype = cache.k_rows.dtype
    values = config.channels * stream.patch**2  # of a token
    source = torch.empty(stream.block_frames * tokens, values, device=META)
    passes = Passes(dit, cache, stream.block_frames, dtype)
    passes.set_text(dit.text_kv(torch.empty(config.text_length, config.text_dim, device=META, dtype=dtype)))
    steps = prepare_schedule(dit, sigmas(preset.schedule), preset.schedule)
    passes.modulation.set(steps.clean)  # by the block before
    counter = OperationCounter()
    with CalledFunctions(counter), counter:
        keep = torch.ones(stream.block_frames, tokens, dtype=torch.bool, device=META)
        kept, refreshed = select(keep, [round(ratio * tokens)] * stream.block_frames)
        pruning = default_parameters(preset).pruning
        plan = BlockPlan(kept, refreshed if pruning.refresh_last_frame else kept, pruning.recovery, stream.restore_from)
        cache.open(stream.block_frames)
        x0 = denoise_block(passes, source, source[-tokens:], plan, steps, [source] * len(steps.sigmas))
        clean_pass(passes, x0, plan, steps)
    return _counters(counter)


@torch.inference_mode()
def detector_block(preset: Preset, kind: Literal["anchor", "lipar"]) -> BlockCounters:
    """A detector's keep mask of a stream's second block, without storage."""
    stream, detector = preset.stream, Detector(preset.stream)
    pruning = replace(default_parameters(preset).pruning, detector=kind)
    frames = torch.empty(stream.frames_per_block, 3, stream.height, stream.width, device=META)
    size = stream.rows * stream.patch, stream.cols * stream.patch
    latents = torch.empty(stream.block_frames, preset.transformer.channels, *size, device=META)
    detector(frames, latents, pruning)
    counter = OperationCounter()
    with CalledFunctions(counter), counter:
        detector(frames, latents, pruning)
    return _counters(counter)


def session_block(session: EditSession[int], frames: Tensor) -> BlockCounters:
    """A whole block [N, 3, H, W] of a session: encode to edited frames."""
    counter = OperationCounter()
    with CalledFunctions(counter), counter:
        session.push(frames, range(len(frames)))
    return _counters(counter)


def _counters(counter: OperationCounter) -> BlockCounters:
    return BlockCounters(
        operations=counter.operations.total(),
        elementwise_gb=counter.bytes.total() / 1e9,
        large_allocations=counter.allocations.total(),
        other_allocations=counter.allocations.total() - counter.expected.total(),
        host_waits=counter.host_waits.total(),
        flops=counter.flops,
    )
