"""One stream's whole state: frames and timestamps in, edited frames and timestamps out."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lipar_core.config import default_parameters
from lipar_core.denoise import BlockPlan, Steps, clean_pass, denoise_block, prepare_steps
from lipar_core.dit import TextMemory
from lipar_core.errors import LiparError, ParameterError
from lipar_core.flow import sigmas
from lipar_core.history import History
from lipar_core.kv_cache import KVCache
from lipar_core.models import Models
from lipar_core.noise import block_noise
from lipar_core.parameters import Parameters, merge
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning import Detector
from lipar_core.rope import RotaryTable
from lipar_core.selection import Selection, select
from lipar_core.stopwatch import Stopwatch
from lipar_core.taehv import LAG_FRAMES, CodecState

P = TypeVar("P")  # a timestamp, whatever the caller counts in


@dataclass(frozen=True, slots=True)
class Update:
    """The acknowledgement of a change."""

    block: int  # the first block that it applies to
    parameters: Parameters
    pending: bool  # True while paused: it waits for the stream to go on


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What a block did."""

    number: int
    keep_ratio: float  # share of tokens that the detector (or a forced full block) had computed
    parameters: Parameters  # that applied to it
    stopwatch: Stopwatch

    @property
    def stage_ms(self) -> dict[str, float]:
        """Milliseconds of encode, detect, denoise, decode, clean; waits for the device."""
        return self.stopwatch.stage_ms()


@dataclass(frozen=True, slots=True)
class Edited(Generic[P]):
    """Frames that are ready, each with the timestamp of the source frame that it shows."""

    frames: Tensor  # [N, 3, height, width] in [0, 1]
    pts: list[P]
    keep: Tensor  # [N, rows, cols] bool: what was computed of the latent frame that each belongs to
    blocks: list[BlockReport] = field(default_factory=list)


@dataclass(slots=True)
class _Shown(Generic[P]):
    """A source frame on its way through the codec."""

    pts: P | None  # None: padding, nobody waits for it
    keep: Tensor
    released: bool = False  # its timestamp went out while paused


class EditSession(Generic[P]):
    """Edits one stream. Not thread-safe; sessions that share `Models` take turns.

    `push` any number of frames, `flush` at the end: n frames in give n out, timestamps kept. `update` changes parameters
    at the next block border.
    """

    def __init__(
        self,
        models: Models,
        parameters: Parameters | None = None,
        *,
        live: bool = False,
        force_keep: Callable[[int], Tensor] | None = None,
    ) -> None:
        """`force_keep`: for measurements, block number -> keep mask [F, rows, cols] in place of the detector's."""
        self.models, self.preset = models, models.preset
        self.parameters = parameters or default_parameters(models.preset, live=live)
        self.force_keep = force_keep
        self.next_block = 0
        stream, transformer = self.preset.stream, self.preset.transformer
        rope = RotaryTable(transformer.head_dim, stream.rows, stream.cols, models.device)
        frame_shape = (stream.tokens_per_frame, transformer.heads, transformer.head_dim)
        self._cache = KVCache(
            transformer.layers,
            stream.sink_frames,
            stream.window_frames,
            rope,
            stream.rope_cap_frames,
            frame_shape,
            models.dtype,
        )
        self._detector = Detector(stream.rows, stream.cols, stream.block_frames, stream.patch)
        self._history = History(stream.sink_frames, stream.window_frames - stream.block_frames, stream.block_frames)
        self._frames: list[Tensor] = []  # pushed and not yet in a block
        self._pts: list[P | None] = []
        self._text: TextMemory | None = None
        self._text_prompt: str | None = None
        self._steps: Steps | None = None
        self._applied: Parameters | None = None  # of the newest block
        self._reset_wanted = False
        self._last_frame: Tensor | None = None  # newest edited frame [3, H, W], repeated while paused
        self._start_stream()

    def update(self, changes: Mapping[str, object]) -> Update:
        """Accept a partial change (design section 8) for the next block; the latest wins.

        `reset: true` starts the stream afresh there. Raises `ParameterError`, and changes nothing, on a bad value.
        """
        rest = dict(changes)
        reset = rest.pop("reset", False)
        if not isinstance(reset, bool):
            raise ParameterError("reset", reset, "must be true or false")
        self.parameters = merge(self.parameters, rest)
        self._reset_wanted |= reset
        return Update(self.next_block, self.parameters, self.parameters.paused)

    def reset(self) -> None:
        """Start the stream afresh at the next block: the same output as a new session's from there."""
        self._reset_wanted = True

    @torch.inference_mode()
    def push(self, frames: Tensor, pts: Sequence[P]) -> Edited[P]:
        """frames [N, 3, height, width] RGB, uint8 or float in [0, 1], any N; returns what they complete.

        Raises `LiparError` on another size. While paused nothing is computed: the last edited frame is repeated.
        """
        self._check(frames, pts)
        if self.parameters.paused:
            return self._repeat([*self._release(), *pts])
        if len(frames):
            pixels = frames.to(self.models.device).float() / (255 if frames.dtype == torch.uint8 else 1)
            self._frames.append(pixels.to(self.models.dtype))
            self._pts.extend(pts)
            self._last_source = self._frames[-1][-1:].clone()
        return self._collect([self._edit_block() for _ in range(len(self._pts) // self.preset.stream.frames_per_block)])

    @torch.inference_mode()
    def flush(self) -> Edited[P]:
        """End the stream: pad the last block by repeating the last frame, and release every frame that is still inside.

        Afterwards the session is as fresh as a new one (but for its parameters and block numbers).
        """
        edited = self._collect(self._drain())
        self._start_stream()
        return edited

    # -- one block ---------------------------------------------------------------------------------------------------

    def _edit_block(self) -> Edited[P]:
        """Edit the oldest waiting block; the caller has seen to it that there is one."""
        watch = Stopwatch(self.models.device)
        before: list[Edited[P]] = []
        if self._reset_wanted or self._cuts():
            number, frames, pts = self.next_block, self._frames, self._pts  # the old stream ends before these frames
            self._frames, self._pts = [], []
            before = [replace(part, blocks=[]) for part in self._drain()]
            self._start_stream()
            self._frames, self._pts = frames, pts
            self.next_block = number  # as acknowledged: the padding that ended the old stream does not count
        number = self.next_block
        force = self._apply_parameters()
        source, pts_in = self._take_block()
        latents, self._encoder = self.models.codec.encode(source[None], self._encoder)
        watch.mark("encode")
        kept, refreshed = select(self._keep_mask(latents[0], force).flatten(1))
        watch.mark("detect")
        x0, plan = self._denoise(latents[0], kept, refreshed)
        watch.mark("denoise")
        stream = self.preset.stream
        edited = unpatchify(x0.unflatten(0, (stream.block_frames, -1)), stream.patch, stream.rows)
        raw, self._decoder = self.models.codec.decode(edited[None], self._decoder)
        watch.mark("decode")
        assert self._steps is not None and self._text is not None
        clean_pass(self.models.dit, self._cache, x0, plan, self._steps, self._text)
        self._remember(x0)
        watch.mark("clean")
        self.next_block += 1
        report = BlockReport(number, kept.count / kept.keep.numel(), self.parameters, watch)
        shown = self._show(raw[0].float().clamp_(0, 1), pts_in, kept.keep.unflatten(1, (stream.rows, stream.cols)))
        return _join([*before, replace(shown, blocks=[report])])

    def _take_block(self) -> tuple[Tensor, list[P | None]]:
        """The oldest waiting frames [N, 3, H, W] and their timestamps."""
        count = self.preset.stream.frames_per_block
        waiting = torch.cat(self._frames) if len(self._frames) > 1 else self._frames[0]
        self._frames = [waiting[count:]] if len(waiting) > count else []
        pts, self._pts = self._pts[:count], self._pts[count:]
        return waiting[:count], pts

    def _keep_mask(self, latents: Tensor, force: bool) -> Tensor:
        keep = self._detector(latents, self.parameters.pruning, force=force)
        if self.force_keep is not None and self._previous is not None and not force:
            return self.force_keep(self.next_block).to(keep.device)
        return keep

    def _denoise(self, latents: Tensor, kept: Selection, refreshed: Selection) -> tuple[Tensor, BlockPlan]:
        pruning, stream = self.parameters.pruning, self.preset.stream
        last_step = refreshed if pruning.refresh_last_frame else kept
        plan = BlockPlan(kept, last_step, pruning.recovery, stream.restore_from)
        source = patchify(latents, stream.patch).flatten(0, 1)
        seed, block = self.parameters.seed, self._stream_block
        self._cache.open(stream.block_frames)
        assert self._steps is not None and self._text is not None
        x0 = denoise_block(
            self.models.dit,
            self._cache,
            source,
            self._previous,
            plan,
            self._steps,
            self._text,
            lambda step: block_noise(source, seed, block, step),
        )
        return x0, plan

    def _remember(self, x0: Tensor) -> None:
        self._previous = x0[-self.preset.stream.tokens_per_frame :]
        self._history.add(x0)
        self._stream_block += 1

    def _show(self, raw: Tensor, pts: Sequence[P | None], keep: Tensor) -> Edited[P]:
        """Pair raw decoded frames [N, 3, H, W] with the source frames that they show; drop what nobody waits for."""
        per_latent = len(pts) // len(keep)
        self._inside.extend(_Shown(p, keep[i // per_latent]) for i, p in enumerate(pts))
        dropped = min(self._lag, len(raw))
        self._lag -= dropped
        entries = [self._inside.popleft() for _ in range(len(raw) - dropped)]
        ready = [i for i, entry in enumerate(entries) if entry.pts is not None and not entry.released]
        frames = raw[dropped:][ready]
        if len(ready):
            self._last_frame = frames[-1]
        stamps = [stamp for i in ready if (stamp := entries[i].pts) is not None]
        masks = torch.stack([entries[i].keep for i in ready]) if ready else self._no_frames().keep
        return Edited(frames, stamps, masks)

    # -- parameters --------------------------------------------------------------------------------------------------

    def _apply_parameters(self) -> bool:
        """Make the wanted parameters the block's; True when the block must be kept in full."""
        new, old = self.parameters, self._applied
        force = False
        if new.prompt != self._text_prompt:
            self._text = self.models.dit.text_memory(self._encode(new.prompt))
            self._text_prompt = new.prompt
            if old is not None and new.transition.mode == "recache" and self._previous is not None:
                self._recache()
                force = True
        schedule = self.preset.schedule
        if old is None or (new.strength, new.denoising_steps) != (old.strength, old.denoising_steps):
            shares = sigmas(schedule, new.strength, new.denoising_steps)
            self._steps = prepare_steps(self.models.dit, shares, schedule)
        if old is not None and new.pruning.recovery != old.pruning.recovery:
            force = True  # the cache must have no holes when recovery starts, and none are recovered when it ends
        self._applied = new
        return force

    def _encode(self, prompt: str) -> Tensor:
        return self.models.text_encoder.encode(prompt).to(self.models.device, self.models.dtype)

    def _cuts(self) -> bool:
        new, old = self.parameters, self._applied
        return old is not None and new.prompt != old.prompt and new.transition.mode == "cut" and self._stream_block > 0

    def _recache(self) -> None:
        """Run what the cache holds through the clean pass again, under the new prompt."""
        assert self._steps is not None and self._text is not None
        tokens = self.preset.stream.tokens_per_frame
        self._cache.clear()
        for start, x0 in self._history.segments(tokens):
            self._cache.skip_to(start)
            self._cache.open(len(x0) // tokens)
            everything, _ = select(torch.ones(len(x0) // tokens, tokens, dtype=torch.bool, device=x0.device))
            plan = BlockPlan(everything, everything)
            clean_pass(self.models.dit, self._cache, x0, plan, self._steps, self._text)

    # -- the stream's ends -------------------------------------------------------------------------------------------

    def _start_stream(self) -> None:
        self._encoder, self._decoder = CodecState(), CodecState()
        self._cache.clear()
        self._detector.reset()
        self._history.clear()
        self._previous: Tensor | None = None  # x0 of the newest latent frame [T, P]
        self._last_source: Tensor | None = None
        self._frames, self._pts = [], []
        self._inside: deque[_Shown[P]] = deque()  # source frames that the decoder still owes
        self._lag = LAG_FRAMES  # raw frames to drop before the first is shown
        self._stream_block = 0  # blocks since the stream began: the noise's clock
        self._reset_wanted = False
        self._applied = None  # a fresh stream owes nothing to an old prompt

    def _drain(self) -> list[Edited[P]]:
        """Edit padded blocks until every real frame has come out."""
        done: list[Edited[P]] = []
        self._reset_wanted = False
        wanted, self.parameters = self.parameters, self._applied or self.parameters
        while self._last_source is not None and self._owes():
            missing = self.preset.stream.frames_per_block - len(self._pts)
            self._frames.append(self._last_source.expand(missing, -1, -1, -1))
            self._pts.extend([None] * missing)
            done.append(self._edit_block())
        self.parameters = wanted
        return done

    def _owes(self) -> bool:
        return any(p is not None for p in self._pts) or any(e.pts is not None and not e.released for e in self._inside)

    def _release(self) -> list[P]:
        """On pausing: the timestamps that are still inside; they are answered at once, in order."""
        waiting = [entry for entry in self._inside if not entry.released and entry.pts is not None]
        stamps = [stamp for entry in waiting if (stamp := entry.pts) is not None] + [p for p in self._pts if p is not None]
        if self._last_frame is None:
            return []
        for entry in waiting:
            entry.released = True
        self._frames, self._pts = [], []
        return stamps

    def _repeat(self, pts: list[P]) -> Edited[P]:
        if self._last_frame is None or not pts:
            return self._no_frames()
        stream = self.preset.stream
        keep = torch.zeros(len(pts), stream.rows, stream.cols, dtype=torch.bool, device=self.models.device)
        return Edited(self._last_frame.expand(len(pts), -1, -1, -1), pts, keep)

    def _no_frames(self) -> Edited[P]:
        stream, device = self.preset.stream, self.models.device
        frames = torch.empty(0, 3, stream.height, stream.width, device=device)
        return Edited(frames, [], torch.empty(0, stream.rows, stream.cols, dtype=torch.bool, device=device))

    def _collect(self, parts: list[Edited[P]]) -> Edited[P]:
        return _join(parts) if parts else self._no_frames()

    def _check(self, frames: Tensor, pts: Sequence[P]) -> None:
        stream = self.preset.stream
        if frames.dim() != 4 or frames.shape[1:] != (3, stream.height, stream.width):
            raise LiparError(f"frames = {list(frames.shape)}: must be [N, 3, {stream.height}, {stream.width}]")
        if frames.dtype != torch.uint8 and not frames.is_floating_point():
            raise LiparError(f"frames.dtype = {frames.dtype}: must be uint8 or floating point")
        if len(pts) != len(frames):
            raise LiparError(f"pts has {len(pts)} values for {len(frames)} frames: must be one each")


def _join(parts: list[Edited[P]]) -> Edited[P]:
    if len(parts) == 1:
        return parts[0]
    return Edited(
        torch.cat([part.frames for part in parts]),
        [stamp for part in parts for stamp in part.pts],
        torch.cat([part.keep for part in parts]),
        [report for part in parts for report in part.blocks],
    )
