"""The memory that a block takes while it is computed, beside what its session holds: counted without storage."""

import functools
from dataclasses import dataclass

import torch
from msgspec.structs import replace

from lipar_core.checkpoints.weights import MetaDevice
from lipar_core.config import Preset
from lipar_core.flow import CLEAN_TIMESTEP
from lipar_core.kinds.registry import CODECS, TRANSFORMERS
from lipar_core.models.interfaces import Codec
from lipar_core.models.precision import Precision
from lipar_core.models.taehv import TAEHV
from lipar_core.pruning.recovery import fill_block
from lipar_core.pruning.selection import select
from lipar_core.runtime.passes import Passes
from lipar_core.runtime.peak_memory import PeakMemory
from lipar_core.stream.state import build_cache

META = torch.device("meta")
LAYERS = 2  # of the transformer: each takes the same memory, one after the other


@dataclass(frozen=True, slots=True)
class Workspace:
    """Bytes at most, by stage of a block that is computed in full."""

    encode: int
    passes: int  # of the transformer
    decode: int
    recording: int  # copies of what a pass returns, which its graph is compared with
    encoder_graph: int  # what the encoder takes inside a graph
    decoder_graph: int

    @property
    def without_graphs(self) -> int:
        return max(self.encode, self.passes, self.decode)

    @property
    def with_graphs(self) -> int:
        """Beside the graphs' memory: before a graph is recorded, its operations run one by one."""
        encode, decode = self.encode - self.encoder_graph, self.decode - self.decoder_graph
        return max(encode, decode, self.passes + self.recording)

    @property
    def graphs(self) -> int:
        """What graphs keep. Those that run one at a time share it; the encoder's runs beside a clean pass."""
        return self.encoder_graph + max(self.passes, self.decoder_graph)


@functools.cache
@torch.inference_mode()
def block_workspace(preset: Preset, precision: Precision) -> Workspace:
    """Of a block in steady state."""
    with MetaDevice():
        codec: Codec = CODECS.build(preset.codec).to(META, precision.convolution)
    if isinstance(codec, TAEHV):
        codec.fold()
    stream = preset.stream
    frames = torch.empty(stream.frames_per_block, 3, stream.height, stream.width, device=META)
    with PeakMemory() as encode:
        pixels = frames.to(precision.convolution)[None]
        latents, encoder = codec.encode(pixels)
    _, decoder = codec.decode(latents)
    with PeakMemory() as decode:
        raw, _ = codec.decode(latents, decoder)
        raw.float()
    with PeakMemory() as encoder_graph:
        codec.encode(pixels[:, : stream.frames_per_latent], encoder)
    with PeakMemory() as decoder_graph:
        codec.decode(latents[:, :1], decoder)
    passes, recording = _passes(preset, precision)
    return Workspace(encode.peak, passes, decode.peak, recording, encoder_graph.peak, decoder_graph.peak)


def _passes(preset: Preset, precision: Precision) -> tuple[int, int]:
    config, stream, linear = preset.transformer, preset.stream, precision.linear
    with MetaDevice():
        two = replace(config, layers=min(LAYERS, config.layers))  # type: ignore[type-var]  # a struct, of any kind
        dit = TRANSFORMERS.build(two).to(META, linear)
    cache = build_cache(dit, stream, META, precision.attention)
    while cache.frames < cache.sink + cache.window:
        cache.open(stream.block_frames)
        cache.commit()
    cache.open(stream.block_frames)
    passes = Passes(dit, cache, stream.block_frames, linear)
    passes.set_text(dit.text_kv(torch.empty(config.text_length, config.text_dim, device=META, dtype=linear)))
    modulation = dit.modulation(CLEAN_TIMESTEP)
    keep = torch.ones(stream.block_frames, stream.tokens_per_frame, dtype=torch.bool, device=META)
    chosen, _ = select(keep, [stream.tokens_per_frame] * stream.block_frames)
    with PeakMemory() as memory:
        fill_block(cache)
        passes.select(chosen, stream.restore_from)
        passes.denoise(chosen, modulation, recovery=True)
        passes.cache_clean(chosen, passes.buffers.next_x0(), modulation, recovery=True)
    return memory.peak, 2 * (cache.last_k[0].nbytes + cache.k_rows[0].nbytes)
