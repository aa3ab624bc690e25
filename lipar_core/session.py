"""`EditSession` edits one stream: frames and timestamps in, edited frames and timestamps out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lipar_core.config import default_parameters
from lipar_core.errors import LiparError, ParameterError
from lipar_core.flow import sigmas
from lipar_core.models.registry import Models
from lipar_core.models.taehv import CodecState
from lipar_core.models.wan import TextKV
from lipar_core.noise import block_noise
from lipar_core.parameters import Parameters, merge, needs_full_block
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.detector import Detector
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import Selection, select
from lipar_core.rope import RotaryTable
from lipar_core.runtime.denoise import BlockPlan, PreparedSchedule, clean_pass, denoise_block, prepare_schedule
from lipar_core.runtime.stopwatch import Stopwatch
from lipar_core.stream.block_assembler import BlockAssembler
from lipar_core.stream.history import History
from lipar_core.stream.prompt_blend import PromptBlend
from lipar_core.stream.timeline import Timeline

P = TypeVar("P")  # a timestamp, in any unit of the caller


@dataclass(frozen=True, slots=True)
class Update:
    """The acknowledgement of a parameter update."""

    block: int  # the first block that it applies to
    parameters: Parameters
    pending: bool  # True while paused: it applies when the stream resumes


@dataclass(frozen=True, slots=True)
class BlockReport:
    """Measurements of one edited block."""

    number: int
    keep_ratio: float  # ratio of tokens computed in the denoising steps before the last
    noise_levels: float | None  # sigma of the source's noise, levels of 255; None with the detector `lipar`
    parameters: Parameters  # that applied to it
    stopwatch: Stopwatch

    @property
    def stage_ms(self) -> dict[str, float]:
        """Milliseconds of encode, detect, denoise, decode, clean; waits for the device."""
        return self.stopwatch.stage_ms()


@dataclass(frozen=True, slots=True)
class EditedFrames(Generic[P]):
    """Finished frames, each with the timestamp of the source frame that it shows."""

    frames: Tensor  # [N, 3, height, width] in [0, 1]
    pts: list[P]
    keep: Tensor  # [N, rows, cols] bool: the keep mask of each frame's latent frame
    blocks: list[BlockReport] = field(default_factory=list)


class EditSession(Generic[P]):
    """Edits one stream. Not thread-safe; sessions that share `Models` must run one at a time.

    `push` any number of frames, `flush` at the end: n frames in give n out, timestamps kept. `update` changes
    parameters at the next block boundary.
    """

    def __init__(
        self,
        models: Models,
        parameters: Parameters | None = None,
        *,
        live: bool = False,
        force_keep: Callable[[int], Tensor] | None = None,
    ) -> None:
        """`live` selects the preset's thresholds for live sessions if `parameters` are not given.

        `force_keep`, for measurements: block number -> keep mask [F, rows, cols] instead of the detector's.
        """
        self.models, self.preset = models, models.preset
        self.parameters = parameters or default_parameters(models.preset, live=live)
        self.next_block = 0  # number of the next block; never decreases, not even on reset
        self.force_keep = force_keep
        stream = self.preset.stream
        self._cache = _build_cache(models)
        self._detector = Detector(stream.rows, stream.cols, stream.block_frames, stream.patch)
        self._history = History(stream.sink_frames, stream.window_frames - stream.block_frames, stream.block_frames)
        self._assembler: BlockAssembler[P] = BlockAssembler(stream.frames_per_block)
        self._timeline: Timeline[P] = Timeline(self.preset.codec.lag_frames)
        self._text: TextKV = []
        self._text_prompt: str | None = None  # the prompt of `_text`, or the one that it is blended to
        self._blend: PromptBlend | None = None  # to that prompt
        self._steps = self._prepare_schedule(self.parameters)
        self._applied: Parameters | None = None  # of the newest block
        self._reset_requested = False
        self._encoder, self._decoder = CodecState(), CodecState()
        self._previous: Tensor | None = None  # x0 of the newest latent frame [T, P]
        self._stream_block = 0  # blocks since the stream started; seeds the noise
        self._last_edited: Tensor | None = None  # [3, H, W], repeated while paused

    def update(self, changes: Mapping[str, object]) -> Update:
        """Apply a partial update to the next block; the latest value wins.

        `reset: true` restarts the stream there. On an invalid value raises `ParameterError` and changes nothing.
        """
        self.parameters = self.check(changes)
        self._reset_requested |= bool(changes.get("reset"))
        return Update(self.next_block, self.parameters, self.parameters.paused)

    def check(self, changes: Mapping[str, object]) -> Parameters:
        """The parameters that `update` would set; raises like `update`, without any effect."""
        if not isinstance(changes.get("reset", False), bool):
            raise ParameterError("reset", changes["reset"], "must be true or false")
        return merge(self.parameters, {name: value for name, value in changes.items() if name != "reset"})

    def reset(self) -> None:
        """Restart the stream at the next block: from there the output equals that of a new session."""
        self._reset_requested = True

    @torch.inference_mode()
    def push(self, frames: Tensor, pts: Sequence[P]) -> EditedFrames[P]:
        """frames [N, 3, height, width] RGB, uint8 or float in [0, 1], any N; returns the frames that they complete.

        Raises `LiparError` on another size. While paused, nothing is computed and the last edited frame is repeated.
        """
        self._check_frames(frames, pts)
        if self.parameters.paused:
            return self._repeat_last_frame(pts)
        if len(frames):
            pixels = frames.to(self.models.device).float() / (255 if frames.dtype == torch.uint8 else 1)
            self._assembler.add(pixels.to(self.models.precision.convolution), pts)
        done: list[EditedFrames[P]] = []
        while self._assembler.ready:
            if self._starts_new_stream():
                done.append(self._end_stream())
            done.append(self._edit_block(self.parameters))
        return self._join(done)

    @torch.inference_mode()
    def flush(self) -> EditedFrames[P]:
        """End the stream: pad the last block by repeating the last frame, and return every remaining frame.

        Afterwards the session is in its initial state, except for its parameters and block numbers.
        """
        edited = self._join(self._drain(self.parameters))
        self._start_stream()
        return edited

    def _edit_block(self, parameters: Parameters) -> EditedFrames[P]:
        """Edit the oldest waiting block."""
        watch = Stopwatch(self.models.device)
        force = self._apply(parameters)
        frames, pts = self._assembler.take()
        latents, self._encoder = self.models.codec.encode(frames[None], self._encoder)
        watch.mark("encode")
        keep = self._keep_mask(frames, latents[0], parameters, force).flatten(1)
        counts, noise_levels = _read_counts_and_noise(keep, self._detector.noise_levels())
        kept, refreshed = select(keep, counts)
        watch.mark("detect")
        plan = self._plan(parameters, kept, refreshed)
        x0 = self._denoise(latents[0], parameters.seed, plan)
        watch.mark("denoise")
        raw, self._decoder = self.models.codec.decode(self._latents(x0)[None], self._decoder)
        watch.mark("decode")
        clean_pass(self.models.dit, self._cache, x0, plan, self._steps, self._text)
        watch.mark("clean")
        self._history.add(x0)
        self._previous = x0[-self.preset.stream.tokens_per_frame :]
        self._stream_block += 1
        report = BlockReport(self.next_block, kept.count / kept.keep.numel(), noise_levels, parameters, watch)
        self.next_block += 1
        return self._pair_with_timestamps(raw[0], pts, kept, report)

    def _keep_mask(self, frames: Tensor, latents: Tensor, parameters: Parameters, force: bool) -> Tensor:
        keep = self._detector(frames, self.models.codec.picture(latents), parameters.pruning, force=force)
        if self.force_keep is not None and self._stream_block > 0 and not force:
            return self.force_keep(self.next_block).to(keep.device)
        return keep

    def _plan(self, parameters: Parameters, kept: Selection, refreshed: Selection) -> BlockPlan:
        pruning = parameters.pruning
        last_step = refreshed if pruning.refresh_last_frame else kept
        return BlockPlan(kept, last_step, pruning.recovery, self.preset.stream.restore_from)

    def _denoise(self, latents: Tensor, seed: int, plan: BlockPlan) -> Tensor:
        """latents [F, C, h, w] of the source -> x0 of the edit [F * T, P]."""
        source = patchify(latents, self.preset.stream.patch).flatten(0, 1)
        self._cache.open(self.preset.stream.block_frames)
        return denoise_block(
            self.models.dit,
            self._cache,
            source,
            self._previous,
            plan,
            self._steps,
            self._text,
            lambda step: block_noise(source, seed, self._stream_block, step),
        )

    def _latents(self, x0: Tensor) -> Tensor:
        stream = self.preset.stream
        tokens = x0.view(stream.block_frames, stream.tokens_per_frame, -1)
        return unpatchify(tokens, stream.patch, stream.rows)

    def _pair_with_timestamps(
        self, raw: Tensor, pts: list[P | None], kept: Selection, report: BlockReport
    ) -> EditedFrames[P]:
        """Pair raw decoded frames [N, 3, H, W] with the source frames that they show."""
        stream = self.preset.stream
        self._timeline.add_block(pts, kept.keep.view(-1, stream.rows, stream.cols))
        shown = self._timeline.take_shown(len(raw))
        if not shown:
            return replace(self._empty(), blocks=[report])
        frames = raw[[i for i, _, _ in shown]].float().clamp_(0, 1)
        self._last_edited = frames[-1]
        return EditedFrames(
            frames, [stamp for _, stamp, _ in shown], torch.stack([keep for _, _, keep in shown]), [report]
        )

    def _apply(self, new: Parameters) -> bool:
        """Apply the parameters to the next block; returns whether it must be computed in full."""
        old, self._applied = self._applied, new
        if old is None or (new.strength, new.denoising_steps) != (old.strength, old.denoising_steps):
            self._steps = self._prepare_schedule(new)
        text_changed = self._advance_prompt(new, continues=old is not None)
        return old is not None and (text_changed or needs_full_block(old, new))

    def _advance_prompt(self, new: Parameters, *, continues: bool) -> bool:
        """Set the text of the next block; returns whether it changed. continues: the stream has blocks already."""
        mode = new.transition.mode
        if self._blend is None or new.prompt != self._text_prompt:
            end = self.models.prompts.encode(new.prompt).context.to(self.models.device)
            if continues and mode == "blend" and self._blend is not None:
                self._blend = PromptBlend(self._blend.context, end, new.transition.blocks)
            else:
                self._blend = PromptBlend(end, end, 1)
            self._text_prompt = new.prompt
        if not self._blend.is_active:
            return False
        self._text = self.models.dit.text_kv(self._blend.advance())
        if continues and not self._blend.is_active and mode in ("recache", "blend"):
            self._recache()
        return True

    @torch.inference_mode()
    def _prepare_schedule(self, parameters: Parameters) -> PreparedSchedule:
        schedule = self.preset.schedule
        values = sigmas(schedule, parameters.strength, parameters.denoising_steps)
        return prepare_schedule(self.models.dit, values, schedule)

    def _recache(self) -> None:
        """Rebuild the KV cache under the new prompt, by clean passes over the cached frames."""
        tokens = self.preset.stream.tokens_per_frame
        self._cache.clear()
        for start, x0 in self._history.segments(tokens):
            all_tokens, _ = select(torch.ones(len(x0) // tokens, tokens, dtype=torch.bool, device=x0.device))
            self._cache.skip_to(start)
            self._cache.open(len(x0) // tokens)
            clean_pass(self.models.dit, self._cache, x0, BlockPlan(all_tokens, all_tokens), self._steps, self._text)

    def _starts_new_stream(self) -> bool:
        """Whether the next block starts a new stream."""
        new, old = self.parameters, self._applied
        cut = old is not None and new.prompt != old.prompt and new.transition.mode == "cut"
        return self._reset_requested or cut

    def _start_stream(self) -> None:
        self._encoder, self._decoder = CodecState(), CodecState()
        self._cache.clear()
        self._detector.reset()
        self._history.clear()
        self._assembler.clear()
        self._timeline.clear()
        self._previous, self._applied = None, None
        if self._blend is not None:
            self._blend.skip_to_end()
        self._stream_block = 0
        self._reset_requested = False

    def _end_stream(self) -> EditedFrames[P]:
        """End the current stream before the waiting frames, with its own parameters, and start a new one with them.

        Padding blocks are not counted, so that acknowledged block numbers stay valid.
        """
        number, assembler = self.next_block, self._assembler
        self._assembler = BlockAssembler(assembler.size)
        self._assembler.last = assembler.last
        tail = self._join(self._drain(self._applied or self.parameters))
        self._start_stream()
        self._assembler, self.next_block = assembler, number
        return replace(tail, blocks=[])

    def _drain(self, parameters: Parameters) -> list[EditedFrames[P]]:
        """Edit padded blocks until all real frames have been returned."""
        done: list[EditedFrames[P]] = []
        while any(p is not None for p in self._assembler.pts) or self._timeline.has_pending:
            self._assembler.pad()
            done.append(self._edit_block(parameters))
        return done

    def _repeat_last_frame(self, pts: Sequence[P]) -> EditedFrames[P]:
        """The last edited frame for every pending and new timestamp; empty if no frame was edited yet."""
        stream, last = self.preset.stream, self._last_edited
        if last is None:
            return self._empty()
        stamps = [*self._timeline.cancel_pending(), *self._assembler.drop_waiting(), *pts]
        keep = torch.zeros(len(stamps), stream.rows, stream.cols, dtype=torch.bool, device=self.models.device)
        return EditedFrames(last.expand(len(stamps), -1, -1, -1), stamps, keep)

    def _empty(self) -> EditedFrames[P]:
        stream, device = self.preset.stream, self.models.device
        frames = torch.empty(0, 3, stream.height, stream.width, device=device)
        return EditedFrames(frames, [], torch.empty(0, stream.rows, stream.cols, dtype=torch.bool, device=device))

    def _join(self, parts: list[EditedFrames[P]]) -> EditedFrames[P]:
        if not parts:
            return self._empty()
        return EditedFrames(
            torch.cat([part.frames for part in parts]),
            [stamp for part in parts for stamp in part.pts],
            torch.cat([part.keep for part in parts]),
            [report for part in parts for report in part.blocks],
        )

    def _check_frames(self, frames: Tensor, pts: Sequence[P]) -> None:
        stream = self.preset.stream
        if frames.dim() != 4 or frames.shape[1:] != (3, stream.height, stream.width):
            raise LiparError(f"frames = {list(frames.shape)}: must be [N, 3, {stream.height}, {stream.width}]")
        if frames.dtype != torch.uint8 and not frames.is_floating_point():
            raise LiparError(f"frames.dtype = {frames.dtype}: must be uint8 or floating point")
        if len(pts) != len(frames):
            raise LiparError(f"pts has {len(pts)} values for {len(frames)} frames: must be one per frame")


def _read_counts_and_noise(keep: Tensor, noise_levels: Tensor | None) -> tuple[list[int], float | None]:
    """Kept counts per frame of keep [F, T], and the noise: the block's only host sync."""
    counts = keep.sum(dim=1)
    if noise_levels is None:
        return counts.tolist(), None
    *kept, noise = torch.cat([counts.double(), noise_levels.double().view(1)]).tolist()
    return [int(count) for count in kept], noise


def _build_cache(models: Models) -> KVCache:
    stream, transformer = models.preset.stream, models.preset.transformer
    rope = RotaryTable(transformer.head_dim, stream.rows, stream.cols, models.device)
    frame_shape = (stream.tokens_per_frame, transformer.heads, transformer.head_dim)
    return KVCache(
        transformer.layers,
        stream.sink_frames,
        stream.window_frames,
        rope,
        stream.rope_cap_frames,
        frame_shape,
        models.precision.attention,
    )
