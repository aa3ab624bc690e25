"""The few-step loop of one block, pruned or not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lipar_core.config import Prediction, ScheduleConfig
from lipar_core.flow import CLEAN_TIMESTEP, add_noise, timestep_of_sigma
from lipar_core.kernels.noisy_tokens import noisy_tokens
from lipar_core.models.interfaces import Denoiser, Modulation, TextKV
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.recovery import CleanPass, DenoisePass, NaivePass, Pass, fill_block
from lipar_core.pruning.restoration import restore
from lipar_core.pruning.selection import Selection


@dataclass(frozen=True, slots=True)
class PreparedSchedule:
    """A schedule for one network: sigmas, their modulations, and the clean pass's modulation."""

    sigmas: list[float]
    modulations: list[Modulation]
    clean: Modulation
    prediction: Prediction


def prepare_schedule(dit: Denoiser, sigmas: list[float], schedule: ScheduleConfig) -> PreparedSchedule:
    """Compute everything that depends only on the timestep."""
    modulations = [dit.modulation(timestep_of_sigma(sigma, schedule)) for sigma in sigmas]
    return PreparedSchedule(sigmas, modulations, dit.modulation(CLEAN_TIMESTEP), schedule.prediction)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """Which tokens a block computes, and how the others are filled in."""

    kept: Selection
    last_step: Selection  # of the last denoising step: `kept`, or with the last frame in full
    recovery: bool = True
    restore_from: Literal["previous_frame", "previous_block"] = "previous_frame"


def denoise_block(
    dit: Denoiser,
    cache: KVCache,
    source: Tensor,
    previous: Tensor | None,
    plan: BlockPlan,
    steps: PreparedSchedule,
    text: TextKV,
    noise: Callable[[int], Tensor],
) -> Tensor:
    """Re-denoise the open block from its source (SDEdit): tokens [F * T, P] in, x0 [F * T, P] out.

    `previous` [T, P] is x0 of the last frame before the block; `noise(step)` gives [F * T, P].
    """
    if plan.recovery and not plan.kept.all_kept:
        fill_block(cache)
    x0 = source
    for step, sigma in enumerate(steps.sigmas):
        selection = plan.last_step if step == len(steps.sigmas) - 1 else plan.kept
        x = _noisy_input(x0, noise(step), selection, sigma)
        prediction = x
        if selection.count:
            view: Pass = DenoisePass(cache, selection) if plan.recovery else NaivePass(cache, selection, clean=False)
            prediction = dit(x, steps.modulations[step], view.rotary, text, view)
        x0 = restore(x, prediction, previous, selection, plan.restore_from, sigma, steps.prediction)
    return x0


def clean_pass(
    dit: Denoiser, cache: KVCache, x0: Tensor, plan: BlockPlan, steps: PreparedSchedule, text: TextKV
) -> None:
    """Cache the finished block's keys and values, x0 [F * T, P] being its tokens, and close the block."""
    kept = plan.kept
    view: Pass = CleanPass(cache, kept) if plan.recovery else NaivePass(cache, kept, clean=True)
    if kept.count:
        dit.fill_cache(_gather_kept(x0, kept), steps.clean, view.rotary, text, view)
    else:
        empty = cache.k.new_empty(0, *cache.k.shape[-2:])
        for layer in range(len(cache.k)):
            view.update(layer, empty, empty)
    cache.commit()


def _noisy_input(x0: Tensor, noise: Tensor, selection: Selection, sigma: float) -> Tensor:
    return add_noise(x0, noise, sigma) if selection.all_kept else noisy_tokens(x0, noise, selection.index, sigma)


def _gather_kept(tokens: Tensor, selection: Selection) -> Tensor:
    return tokens if selection.all_kept else torch.index_select(tokens, 0, selection.index)
