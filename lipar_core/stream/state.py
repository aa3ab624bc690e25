"""The state of one stream."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lipar_core.config import Preset, StreamConfig
from lipar_core.models.interfaces import CodecState, Denoiser
from lipar_core.parameters import Parameters
from lipar_core.pruning.detector import Detector
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.runtime.denoise import BlockPlan, PreparedSchedule
from lipar_core.runtime.passes import Passes
from lipar_core.runtime.stopwatch import Stopwatch
from lipar_core.stream.compositor import Compositor
from lipar_core.stream.flicker_filter import FlickerFilter
from lipar_core.stream.history import History
from lipar_core.stream.prompt_blend import PromptBlend
from lipar_core.stream.region_tracker import RegionTracker
from lipar_core.stream.timeline import Timeline
from lipar_core.weighted_prompt import WeightedPrompt

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class UnfinishedBlock:
    """A block whose frames have been returned, without its clean pass."""

    x0: Tensor  # [F * T, P]
    plan: BlockPlan


class StreamState(Generic[P]):
    """Everything that depends on a stream's earlier blocks. A reset replaces it by a new one."""

    def __init__(
        self,
        preset: Preset,
        stream: StreamConfig,
        passes: Passes,
        buckets: tuple[int, ...],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """passes: with storage that outlives streams, at fixed addresses; the cache's contents are discarded here.

        buckets: the numbers of tokens that a block may compute; dtype: the codec's.
        """
        self.stream = stream
        self.buckets = buckets
        self.passes = passes
        self.cache = passes.cache
        self.cache.clear()
        self.detector = Detector(stream)
        self.history = History(stream.sink_frames, stream.window_frames - stream.block_frames, stream.block_frames)
        self.timeline: Timeline[P] = Timeline(preset.codec.lag_frames)
        device = self.cache.k_rows.device
        self.regions = RegionTracker(stream, device)
        latents = stream.block_frames, preset.codec.channels, stream.latent_height, stream.latent_width
        self.edited = torch.zeros(latents, dtype=dtype, device=device)  # of the newest block, for the decoder
        self.flicker_filter = FlickerFilter()
        self.compositor = Compositor()
        self.encoder: CodecState = None
        self.decoder: CodecState = None
        self.unfinished: UnfinishedBlock | None = None  # the newest block, until its clean pass
        self.clean_watch: Stopwatch | None = None  # of the newest clean pass
        self.previous: Tensor | None = None  # x0 of the newest latent frame [T, P]
        self.last_frame: Tensor | None = None  # newest source frame of the newest block [1, 3, H, W]
        self.applied: Parameters | None = None  # of the newest block
        self.schedule: PreparedSchedule | None = None
        self.prompts: tuple[WeightedPrompt, ...] = ()  # the mix of the newest block, or the one that it is blended to
        self.blend: PromptBlend | None = None  # to that mix
        self.blocks = 0  # edited so far; seeds the noise


def build_cache(dit: Denoiser, stream: StreamConfig, device: torch.device, dtype: torch.dtype) -> KVCache:
    """The KV cache of one session, for streams of this size."""
    config = dit.config
    return KVCache(
        config.layers,
        stream.sink_frames,
        stream.window_frames,
        dit.rotary_table(stream.rows, stream.cols, device),
        stream.rope_cap_frames,
        (stream.tokens_per_frame, config.heads, config.head_dim),
        dtype,
    )
