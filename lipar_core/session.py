"""`EditSession` edits one stream: frames and timestamps in, edited frames and timestamps out."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.buckets import checked_buckets
from lipar_core.errors import LiparError
from lipar_core.models.loading import Models
from lipar_core.models.prompt_mix import cached_embeddings, total_tokens
from lipar_core.parameter_changes import merge, split_reset
from lipar_core.parameters import Parameters
from lipar_core.presets import default_parameters
from lipar_core.runtime.passes import Passes
from lipar_core.sizes import stream_at
from lipar_core.stream.block_assembler import BlockAssembler
from lipar_core.stream.block_editor import BlockEditor, ForceKeep, Observer
from lipar_core.stream.output import EditedFrames, join_frames, no_frames
from lipar_core.stream.region_tracker import MaskSource
from lipar_core.stream.state import StreamState, build_cache

P = TypeVar("P")  # a timestamp, in any unit of the caller


class EditSession(Generic[P]):
    """Edits one stream. Not thread-safe; sessions that share `Models`, whatever their sizes, must run one at a time.

    `push` any number of frames, `flush` at the end: n frames in give n out, timestamps kept. `update` changes
    parameters at the next block boundary. Frames are returned before their block's clean pass, which only later blocks
    need: `finish_block` runs it at a time of the caller's choice, else the next block does.
    """

    def __init__(
        self,
        models: Models,
        parameters: Parameters | None = None,
        *,
        size: str | None = None,
        live: bool = False,
        buckets: Sequence[int] | None = None,
        force_keep: ForceKeep | None = None,
        observer: Observer | None = None,
        masks: MaskSource | None = None,
    ) -> None:
        """size: of the picture, WIDTHxHEIGHT, one of the preset's; None: its default. Raises `ParameterError`.

        `masks` replaces the box or mask of the parameter `region`, block by block; its mode and feather apply.

        `live` selects the preset's thresholds for live sessions if `parameters` are not given.

        `buckets`: the numbers of tokens that a block may compute (None: the preset's, else the device's).
        For measurements: `force_keep` replaces the detector's keep masks, which no tokens are added to then; `observer`
        is called with every block's x0.
        """
        self.models, self.preset = models, models.preset
        self.parameters = parameters or default_parameters(models.preset, live=live)
        self.next_block = 0  # number of the next block; never decreases, not even on reset
        self.editor: BlockEditor[P] = BlockEditor(models, force_keep, observer, masks)
        self.stream = stream_at(models.preset, size)
        self.passes: Passes = models.pool.take(self._pool_key, self._build_passes)
        self.buckets = (
            models.buckets(self.stream) if buckets is None else checked_buckets(buckets, self.stream.block_tokens)
        )
        self.state: StreamState[P] = self._new_state()
        self._assembler: BlockAssembler[P] = BlockAssembler(self.stream.frames_per_block)
        self._reset_requested = False
        self._last_edited: Tensor | None = None  # [3, H, W], repeated while paused

    def update(self, changes: Mapping[str, object]) -> Acknowledgement:
        """Apply a partial update to the next block; the latest value wins.

        `reset: true` restarts the stream there. On an invalid value raises `ParameterError` and changes nothing.
        """
        settings, reset = split_reset(changes)
        self.parameters = merge(self.parameters, settings)
        self._reset_requested |= reset
        embeddings = cached_embeddings(self.models.prompts, self.parameters.texts)
        return Acknowledgement(
            block=self.next_block,
            parameters=self.parameters,
            pending=self.parameters.paused,
            prompt_tokens=None if embeddings is None else total_tokens(embeddings),
        )

    def check(self, changes: Mapping[str, object]) -> Parameters:
        """The parameters that `update` would set; raises like `update`, without any effect."""
        settings, _ = split_reset(changes)
        return merge(self.parameters, settings)

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
            self._assembler.add(pixels, pts)
        done = [self._no_frames()]
        while self._assembler.ready:
            if self._starts_new_stream():
                done.append(self._end_stream())
            done.append(self._edit_block(self.parameters))
        return join_frames(done)

    @torch.inference_mode()
    def finish_block(self) -> None:
        """Run the clean pass of the newest block, unless it has run."""
        self.editor.finish(self.state)

    @torch.inference_mode()
    def flush(self) -> EditedFrames[P]:
        """End the stream: pad the last block by repeating the last frame, and return every remaining frame.

        Afterwards the session is in its initial state, except for its parameters and block numbers.
        """
        edited = self._drain(self.parameters)
        self._start_stream()
        return edited

    def close(self) -> None:
        """End the session, which must not be used any more: the next one of this size takes over storage and graphs."""
        self.models.side.join()
        self.models.pool.give_back(self._pool_key, self.passes)

    @property
    def _pool_key(self) -> Hashable:
        return self.stream, self.models.record

    def _build_passes(self) -> Passes:
        models, precision = self.models, self.models.precision
        cache = build_cache(models.dit, self.stream, models.device, precision.attention)
        passes = Passes(models.dit, cache, self.stream.block_frames, precision.linear, models.record)
        passes.noise.reserve(len(self.preset.schedule.steps))
        return passes

    def _edit_block(self, parameters: Parameters) -> EditedFrames[P]:
        """Edit the oldest waiting block."""
        frames, pts = self._assembler.take()
        edited = self.editor.edit(self.state, frames, pts, parameters, self.next_block)
        self.next_block += 1
        if len(edited.frames):
            self._last_edited = edited.frames[-1]
        return edited

    def _starts_new_stream(self) -> bool:
        """Whether the next block starts a new stream."""
        new, old = self.parameters, self.state.applied
        cut = old is not None and new.texts != old.texts and new.transition.mode == "cut"
        return self._reset_requested or cut

    def _start_stream(self) -> None:
        self.state = self._new_state()
        self._reset_requested = False

    def _new_state(self) -> StreamState[P]:
        self.models.side.join()  # before the cache is cleared
        return StreamState(self.preset, self.stream, self.passes, self.buckets, self.models.precision.convolution)

    def _end_stream(self) -> EditedFrames[P]:
        """End the current stream before the waiting frames, with its own parameters, and start a new one with them.

        Padding blocks are not counted, so that acknowledged block numbers stay valid.
        """
        number = self.next_block
        waiting = self._assembler
        self._assembler = BlockAssembler(waiting.size)
        tail = self._drain(self.state.applied or self.parameters)
        self._start_stream()
        self._assembler = waiting
        self.next_block = number
        return replace(tail, blocks=[])

    def _drain(self, parameters: Parameters) -> EditedFrames[P]:
        """Edit padded blocks until all real frames have been returned."""
        done = [self._no_frames()]
        while self._assembler.has_frames or self.state.timeline.has_pending:
            self._assembler.pad(self.state.last_frame)
            done.append(self._edit_block(parameters))
        return join_frames(done)

    def _repeat_last_frame(self, pts: Sequence[P]) -> EditedFrames[P]:
        """The last edited frame for every pending and new timestamp; empty if no frame was edited yet."""
        stream = self.stream
        last = self._last_edited
        if last is None:
            return self._no_frames()
        stamps = [*self.state.timeline.cancel_pending(), *self._assembler.drop_waiting(), *pts]
        keep = torch.zeros(len(stamps), stream.rows, stream.cols, dtype=torch.bool, device=self.models.device)
        return EditedFrames(last.expand(len(stamps), -1, -1, -1), stamps, keep)

    def _no_frames(self) -> EditedFrames[P]:
        return no_frames(self.stream, self.models.device)

    def _check_frames(self, frames: Tensor, pts: Sequence[P]) -> None:
        stream = self.stream
        if frames.dim() != 4 or frames.shape[1:] != (3, stream.height, stream.width):
            raise LiparError(f"frames = {list(frames.shape)}: must be [N, 3, {stream.height}, {stream.width}]")
        if frames.dtype != torch.uint8 and not frames.is_floating_point():
            raise LiparError(f"frames.dtype = {frames.dtype}: must be uint8 or floating point")
        if len(pts) != len(frames):
            raise LiparError(f"pts has {len(pts)} values for {len(frames)} frames: must be one per frame")
