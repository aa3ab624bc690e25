"""The few-step loop of one block, pruned or not."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lipar_core.config import ScheduleConfig
from lipar_core.flow import CLEAN_TIMESTEP, X0Weights, timestep_of_sigma, x0_weights
from lipar_core.kernels.noisy_tokens import noisy_tokens
from lipar_core.kernels.restored_x0 import restored_x0
from lipar_core.models.interfaces import Denoiser, Modulation
from lipar_core.pruning.recovery import fill_block
from lipar_core.pruning.selection import Rule, Selection
from lipar_core.runtime.passes import Passes


@dataclass(frozen=True, slots=True)
class PreparedSchedule:
    """A schedule for one network: sigmas, what depends on each, and the clean pass's modulation."""

    sigmas: list[float]
    modulations: list[Modulation]
    weights: list[X0Weights]
    clean: Modulation


def prepare_schedule(dit: Denoiser, sigmas: list[float], schedule: ScheduleConfig) -> PreparedSchedule:
    """Compute everything that depends only on the timestep."""
    modulations = [dit.modulation(timestep_of_sigma(sigma, schedule)) for sigma in sigmas]
    weights = [x0_weights(sigma, schedule) for sigma in sigmas]
    return PreparedSchedule(sigmas, modulations, weights, dit.modulation(CLEAN_TIMESTEP))


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """Which tokens a block computes, and how the others are filled in."""

    kept: Selection
    last_step: Selection  # of the last denoising step: `kept`, or with the last frame in full
    recovery: bool = True
    restore_from: Rule = "previous_frame"
    follow: float = 0.0  # part of their source's change that the others take over


def denoise_block(
    passes: Passes,
    source: Tensor,
    previous: Tensor | None,
    plan: BlockPlan,
    steps: PreparedSchedule,
    noise: Sequence[Tensor],
) -> Tensor:
    """Re-denoise the open block from its source (SDEdit): tokens [F * T, P] in, x0 [F * T, P] out.

    `previous` [T, P] is x0 of the last frame before the block, `noise` [F * T, P] of each step. x0 is overwritten by
    the second block after this one.
    """
    buffers, tokens = passes.buffers, passes.tokens
    if plan.recovery and not plan.kept.all_kept:
        fill_block(passes.cache)
    block = buffers.next_x0()[: len(source)]
    x0 = source
    for step, sigma in enumerate(steps.sigmas):
        selection = plan.last_step if step == len(steps.sigmas) - 1 else plan.kept
        passes.select(selection, plan.restore_from)
        x = buffers.noisy[: selection.size]
        noisy_tokens(x0, noise[step], selection.index, sigma, x)
        prediction = x
        if selection.count:
            prediction = passes.denoise(selection, steps.modulations[step], recovery=plan.recovery)
        assert previous is not None or selection.all_kept, "the first block of a stream is kept in full"
        before = x[:0] if previous is None else previous
        restored_x0(x, prediction, before, tokens.source, steps.weights[step], block)
        x0 = block
    if x0 is not block:
        return block.copy_(source)
    if plan.follow > 0 and not plan.last_step.all_kept:
        _follow_source(passes, x0, source, plan)
    return x0


def _follow_source(passes: Passes, x0: Tensor, source: Tensor, plan: BlockPlan) -> None:
    """Add to x0 [F * T, P] of reused tokens the change of their source since the x0 that they reuse was computed.

    Over blocks the changes add up to the one since the token was computed. A computed token's own change is 0.
    """
    buffers, index = passes.buffers, plan.last_step.index
    joined = buffers.joined_sources[: len(index) + len(buffers.source_before)]
    torch.index_select(source, 0, index, out=joined[: len(index)])
    joined[len(index) :].copy_(buffers.source_before)
    change = torch.index_select(joined, 0, passes.tokens.source, out=buffers.prediction[: len(source)])
    x0.add_(torch.sub(source, change, out=change), alpha=plan.follow)


def clean_pass(passes: Passes, x0: Tensor, plan: BlockPlan, steps: PreparedSchedule) -> None:
    """Cache the finished block's keys and values, x0 [F * T, P] being its tokens, and close the block."""
    passes.cache_clean(plan.kept, x0, steps.clean, recovery=plan.recovery)
    passes.cache.commit()
