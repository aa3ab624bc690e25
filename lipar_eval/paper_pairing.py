"""The comparison that the LIPAR paper makes: pruned with a short window, against unpruned with a growing one.

About half of such a ratio is the window. So the unpruned stream with the short window is measured beside them: between
it and the pruned ones the window is fixed.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.models.reuse_pool import ReusePool
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval.gate import GATED_BLOCKS, Gate, stream_gate
from lipar_eval.throughput import ForcedMasks, Measured, Variant, interleave, random_block

SINK_FRAMES, WINDOW_FRAMES = 1, 6  # of the published file editor with LIPAR


@dataclass(slots=True)
class ClipVariant:
    """One arm; a measurement is a whole clip, from an empty cache on."""

    name: str
    block: Variant
    blocks: int  # of a clip
    times_ms: list[float] = field(default_factory=list)  # of each clip

    def run(self, frames: Tensor, *, is_measured: bool) -> None:
        """A clip of this block [N, 3, H, W], repeated."""
        self.block.session.flush()
        before = len(self.block.times_ms)
        for _ in range(self.blocks):
            self.block.run(frames, is_measured=True)
        if is_measured:
            self.times_ms.append(sum(self.block.times_ms[before:]))

    def to_json(self) -> dict[str, object]:
        """Of a wrong arm no times."""
        gate = self.block.gate
        row: dict[str, object] = {"arm": self.name, "gate": None if gate is None else gate.to_json()}
        if not self.block.passed:
            return row
        clip_ms = statistics.median(self.times_ms)
        frames = self.blocks * self.block.session.stream.frames_per_block
        return row | {"clip_ms": clip_ms, "fps": 1000 * frames / clip_ms}


def paper_pairing(models: Models, ratios: Sequence[float], clips: int) -> list[ClipVariant]:
    """Unpruned with a growing window, unpruned with the short one, and pruned with it at each keep ratio.

    A clip has as many blocks as the model was trained on. Without CUDA graphs in all: a growing cache has none.
    """
    stream = models.preset.stream
    growing = with_window(models, stream.sink_frames, stream.rope_cap_frames - stream.sink_frames)
    short = with_window(models, SINK_FRAMES, max(WINDOW_FRAMES, stream.block_frames))
    frames = random_block(models)
    arms = [
        _arm("off, window grows", growing, 1.0, frames),
        *(_arm("off" if ratio == 1 else f"on, keep {ratio:.2f}", short, ratio, frames) for ratio in (1.0, *ratios)),
    ]
    measured: list[Measured] = [*arms]
    interleave(measured, lambda _: frames, clips, warmup=1)
    for arm in arms:
        arm.block.session.close()
    return arms


def with_window(models: Models, sink: int, window: int) -> Models:
    """The same networks for streams with another cache, which keep no frame in full."""
    preset = models.preset
    stream = msgspec.structs.replace(preset.stream, sink_frames=sink, window_frames=window)
    pruning = msgspec.structs.replace(preset.pruning, refresh_last_frame=False)
    preset = msgspec.structs.replace(preset, stream=stream, pruning=pruning)
    return replace(models, preset=preset, record=None, pool=ReusePool())


def _arm(name: str, models: Models, ratio: float, frames: Tensor) -> ClipVariant:
    stream = models.preset.stream
    masks = ForcedMasks(models, ratio)
    gate: Gate | None = stream_gate(models, default_parameters(models.preset), [frames] * GATED_BLOCKS, masks)
    session: EditSession[int] = EditSession(models, force_keep=masks)
    full_name = f"{name}, {stream.sink_frames} + {stream.window_frames} latent frames"
    return ClipVariant(full_name, Variant(full_name, session, gate=gate), stream.rope_cap_frames // stream.block_frames)
