"""The few-step loop of one block, pruned or not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lipar_core.config import Prediction, ScheduleConfig
from lipar_core.dit import CausalWan, Modulation, TextMemory
from lipar_core.flow import CLEAN_TIMESTEP, add_noise, timestep_of_sigma, x0_from_prediction
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.recovery import CleanPass, DenoisePass, NaivePass, Pass, fill_block
from lipar_core.pruning.restoration import restore
from lipar_core.pruning.selection import Selection


@dataclass(frozen=True, slots=True)
class Steps:
    """A schedule made ready for a network: noise shares and the modulation of each, the clean pass's last."""

    sigmas: list[float]
    modulations: list[Modulation]
    clean: Modulation
    prediction: Prediction


def prepare_steps(dit: CausalWan, sigmas: list[float], schedule: ScheduleConfig) -> Steps:
    """Compute what depends on the timestep alone."""
    modulations = [dit.modulation(timestep_of_sigma(sigma, schedule)) for sigma in sigmas]
    return Steps(sigmas, modulations, dit.modulation(CLEAN_TIMESTEP), schedule.prediction)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """What runs in a block."""

    kept: Selection
    last_step: Selection  # of the last denoising step: `kept`, or with the last frame in full
    recovery: bool = True
    restore_from: Literal["previous_frame", "previous_block"] = "previous_frame"


def denoise_block(
    dit: CausalWan,
    cache: KVCache,
    source: Tensor,
    previous: Tensor | None,
    plan: BlockPlan,
    steps: Steps,
    text: TextMemory,
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
        x = add_noise(_gather(x0, selection), _gather(noise(step), selection), sigma)
        if selection.count:
            memory: Pass = DenoisePass(cache, selection) if plan.recovery else NaivePass(cache, selection, clean=False)
            prediction = dit(x, steps.modulations[step], memory.rotary, text, memory)
            x = x0_from_prediction(x, prediction, sigma, steps.prediction)
        x0 = restore(x, previous, selection, plan.restore_from)
    return x0


def clean_pass(dit: CausalWan, cache: KVCache, x0: Tensor, plan: BlockPlan, steps: Steps, text: TextMemory) -> None:
    """Cache the finished block's keys and values, x0 [F * T, P] being its tokens, and close the block."""
    kept = plan.kept
    memory: Pass = CleanPass(cache, kept) if plan.recovery else NaivePass(cache, kept, clean=True)
    if kept.count:
        dit.fill_memory(_gather(x0, kept), steps.clean, memory.rotary, text, memory)
    else:
        nothing = cache.k.new_empty(0, *cache.k.shape[-2:])
        for layer in range(len(cache.k)):
            memory.update(layer, nothing, nothing)
    cache.commit()


def _gather(tokens: Tensor, selection: Selection) -> Tensor:
    return tokens if selection.all_kept else torch.index_select(tokens, 0, selection.index)
