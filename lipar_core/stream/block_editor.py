"""Edits one block of a stream: encode, detect, denoise, decode; the clean pass after its frames have been returned."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lipar_core.flow import sigmas
from lipar_core.models.interfaces import LatentArea
from lipar_core.models.loading import Models
from lipar_core.models.prompt_mix import mixed_context
from lipar_core.parameters import Parameters, needs_full_block
from lipar_core.patches import patchify_into, unpatchify_into
from lipar_core.pruning.active_tokens import ActiveTokens, common_tokens
from lipar_core.pruning.refresh import refresh_stalest
from lipar_core.pruning.selection import Selection, select
from lipar_core.runtime.denoise import BlockPlan, clean_pass, denoise_block, prepare_schedule
from lipar_core.runtime.stopwatch import Stopwatch
from lipar_core.stream.compositor import FrameRegion, frame_regions
from lipar_core.stream.output import BlockReport, EditedFrames, no_frames
from lipar_core.stream.prompt_blend import PromptBlend
from lipar_core.stream.region import BlockRegion
from lipar_core.stream.region_tracker import MaskSource
from lipar_core.stream.state import StreamState, UnfinishedBlock

P = TypeVar("P")

ForceKeep = Callable[[int], Tensor]  # block number -> keep mask [F, rows, cols]
Observer = Callable[[Tensor, BlockPlan], None]  # x0 [F * T, P] of a block, and its plan


class BlockEditor(Generic[P]):
    """Edits blocks of a `StreamState`; it has no state of its own."""

    def __init__(
        self,
        models: Models,
        force_keep: ForceKeep | None = None,
        observer: Observer | None = None,
        masks: MaskSource | None = None,
    ) -> None:
        self.models, self.preset = models, models.preset
        self.masks = masks
        self.force_keep = force_keep
        self.observer = observer

    def edit(
        self, state: StreamState[P], frames: Tensor, pts: list[P | None], parameters: Parameters, number: int
    ) -> EditedFrames[P]:
        """One block: frames [N, 3, H, W] in [0, 1] with timestamps (None: padding) -> the frames that it completes.

        Its clean pass is left to `finish`.
        """
        self.finish(state)
        watch = Stopwatch(self.models.device, "encode")
        region, active = state.regions.next_block(parameters.region, pts, self.masks)
        force = self._apply(state, parameters, active)
        assert state.schedule is not None
        pixels = frames.to(self.models.precision.convolution)
        latents, state.encoder = self.models.codec.encode(pixels[None], state.encoder)
        watch.next("detect")
        keep = self._keep_mask(state, pixels, latents[0], parameters, number, active, force=force).flatten(1)
        state.passes.counts.start(keep, state.detector.noise_levels())
        noise = self._open(state, latents[0], parameters.seed, active)
        counts, noise_levels = state.passes.counts.wait()
        if self.force_keep is None:  # a forced mask is exact
            keep, counts = refresh_stalest(state.detector, keep, counts, state.buckets, active)
        kept, refreshed = select(keep, counts, active, state.buckets)
        watch.next("denoise")
        plan = self._plan(parameters, kept, refreshed)
        x0 = self._denoise(state, noise, plan, active, region)
        watch.next("decode")
        unpatchify_into(state.edited, x0.unflatten(0, (len(latents), -1)), state.stream.patch)
        area = self._shown_area(state, region)
        raw, state.decoder = self.models.codec.decode(state.edited[None], state.decoder, area)
        watch.stop()
        active_ratio = 1.0 if active is None else active.count / active.on_host.numel()
        keep_ratio = kept.count / kept.keep.numel()
        report = BlockReport(number, keep_ratio, noise_levels, parameters, watch, state.clean_watch, active_ratio)
        state.unfinished = UnfinishedBlock(x0, plan)
        self._advance(state, frames, x0, active)
        if force:
            state.flicker_filter.restart()
        state.timeline.add_block(
            frames, pts, kept.keep.view(-1, state.stream.rows, state.stream.cols), frame_regions(region, len(frames))
        )
        return self._shown_frames(state, raw[0], report)

    def finish(self, state: StreamState[P]) -> None:
        """Run the newest block's clean pass, unless it has run: later blocks attend to it."""
        if state.unfinished is None:
            return
        assert state.schedule is not None
        block, schedule, state.unfinished = state.unfinished, state.schedule, None

        def work() -> None:
            watch = state.clean_watch = Stopwatch(self.models.device, "clean")
            clean_pass(state.passes, block.x0, block.plan, schedule)
            watch.stop()

        self.models.side.run(work, (block, schedule, state.passes))

    def recache(self, state: StreamState[P], active: ActiveTokens | None = None) -> None:
        """Rebuild the KV cache under the current prompt, by clean passes over the cached frames.

        active: the next block's tokens (None: all); only those are cached that were active in their time, too.
        """
        assert state.schedule is not None
        tokens = state.stream.tokens_per_frame
        state.cache.clear()
        for start, x0, past in state.history.segments(tokens):
            frames, cached = len(x0) // tokens, common_tokens(past, active)
            keep = torch.ones(tokens, dtype=torch.bool, device=x0.device) if cached is None else cached.inside.flatten()
            chosen, _ = select(keep.expand(frames, -1), [tokens if cached is None else cached.count] * frames)
            state.cache.skip_to(start)
            state.cache.open(frames, cached)
            clean_pass(state.passes, x0, BlockPlan(chosen, chosen), state.schedule)

    def _apply(self, state: StreamState[P], new: Parameters, active: ActiveTokens | None) -> bool:
        """Apply the parameters to the next block; returns whether it must be computed in full."""
        old, state.applied = state.applied, new
        if old is None or (new.strength, new.denoising_steps) != (old.strength, old.denoising_steps):
            self.models.side.join()  # the clean pass reads what is replaced
            values = sigmas(self.preset.schedule, new.strength, new.denoising_steps)
            state.schedule = prepare_schedule(self.models.dit, values, self.preset.schedule)
        text_changed = self._advance_prompt(state, new, active, continues=old is not None)
        return old is not None and (text_changed or needs_full_block(old, new))

    def _advance_prompt(
        self, state: StreamState[P], new: Parameters, active: ActiveTokens | None, *, continues: bool
    ) -> bool:
        """Set the text of the next block; returns whether it changed. continues: the stream has blocks already."""
        mode = new.transition.mode
        if state.blend is None or new.prompt_mix != state.prompts:
            end = mixed_context(self.models.prompts, new.prompt_mix).to(self.models.device)
            if mode == "blend" and state.blend is not None:
                state.blend = PromptBlend(state.blend.context, end, new.transition.blocks)
            else:
                state.blend = PromptBlend(end, end, 1)
            state.prompts = new.prompt_mix
        if not state.blend.is_active:
            return False
        self.models.side.join()
        state.passes.set_text(self.models.dit.text_kv(state.blend.advance()))
        if continues and not state.blend.is_active and mode in ("recache", "blend"):
            self.recache(state, active)
        return True

    def _keep_mask(
        self,
        state: StreamState[P],
        frames: Tensor,
        latents: Tensor,
        parameters: Parameters,
        number: int,
        active: ActiveTokens | None,
        *,
        force: bool,
    ) -> Tensor:
        picture = self.models.codec.picture(latents)
        keep = state.detector(frames, picture, parameters.pruning, force=force, active=active)
        if self.force_keep is not None and state.blocks > 0 and not force:
            keep = self.force_keep(number).to(keep.device)
            return keep if active is None else active.limit(keep)
        return keep

    def _plan(self, parameters: Parameters, kept: Selection, refreshed: Selection) -> BlockPlan:
        pruning = parameters.pruning
        last_step = refreshed if pruning.refresh_last_frame else kept
        follow = pruning.follow_source if pruning.detector == "anchor" else 0.0
        return BlockPlan(kept, last_step, pruning.recovery, self.preset.stream.restore_from, follow)

    def _open(self, state: StreamState[P], latents: Tensor, seed: int, active: ActiveTokens | None) -> Sequence[Tensor]:
        """Open the block of these source latents [F, C, h, w] -> its noise [F * T, P] of each step."""
        assert state.schedule is not None
        self.models.side.join()
        passes, frames = state.passes, state.stream.block_frames
        patchify_into(passes.buffers.source.unflatten(0, (frames, -1)), latents, state.stream.patch)
        state.cache.open(frames, active)
        steps = len(state.schedule.sigmas)
        if self.preset.schedule.noise == "fixed":
            return passes.noise.draw_fixed(steps, seed, frames)
        return passes.noise.draw(steps, seed, state.blocks)

    def _denoise(
        self,
        state: StreamState[P],
        noise: Sequence[Tensor],
        plan: BlockPlan,
        active: ActiveTokens | None,
        region: BlockRegion | None,
    ) -> Tensor:
        """The source in the buffers -> x0 of the edit [F * T, P], float32: only networks use 16 bits.

        Outside a region it is the source, or, where that is frozen, what it was before.
        """
        assert state.schedule is not None
        source, previous = state.passes.buffers.source, state.previous
        if previous is None and active is not None:
            previous = source[-state.stream.tokens_per_frame :]
            state.passes.buffers.source_before.copy_(previous)
        x0 = denoise_block(state.passes, source, previous, plan, state.schedule, noise)
        if active is not None and region is not None and region.mode == "edit":
            inside = active.inside.flatten().repeat(state.stream.block_frames)[:, None]
            torch.where(inside, x0, source, out=x0)
        if self.observer is not None:
            self.observer(x0.clone(), plan)
        return x0

    def _shown_area(self, state: StreamState[P], region: BlockRegion | None) -> LatentArea | None:
        """The latents whose pixels are shown of a block's decoded frames; None: all.

        Of a decoder with a lag the first frames belong to the block before, which had another region.
        """
        if region is None or self.preset.codec.lag_frames:
            return None
        return region.area(state.stream)

    def _advance(self, state: StreamState[P], frames: Tensor, x0: Tensor, active: ActiveTokens | None) -> None:
        """Store what later blocks need of this one."""
        state.history.add(x0, active)
        tokens, buffers = state.stream.tokens_per_frame, state.passes.buffers
        state.previous = x0[-tokens:]
        buffers.source_before.copy_(buffers.source[-tokens:])
        state.last_frame = frames[-1:].clone()
        state.blocks += 1

    def _shown_frames(self, state: StreamState[P], raw: Tensor, report: BlockReport) -> EditedFrames[P]:
        """Pair raw decoded frames [N, 3, H, W] with the source frames that they show.

        Their flicker is reduced, and outside their regions the source is shown, or what was shown before.
        """
        shown = state.timeline.take_shown(len(raw))
        if not shown:
            return no_frames(state.stream, self.models.device, [report])
        decoded = [raw[entry.position] for entry in shown]  # a list as index would be uploaded
        frames = torch.stack(decoded).float().clamp_(0, 1)
        sources = [entry.source for entry in shown]
        regions: list[FrameRegion | None] = [entry.region for entry in shown]
        state.flicker_filter(frames, sources, report.parameters.smoothing, report.noise_levels or 0.0, regions)
        frames = state.compositor(frames, sources, regions)
        keep = torch.stack([entry.keep for entry in shown])
        return EditedFrames(frames, [entry.pts for entry in shown], keep, [report])
