"""The training loop: draw a batch, step the optimizers, average the weights, save a checkpoint every few minutes."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from training import checkpoint
from training.batches import Batch
from training.precision import autocast_is_faster, mixed_precision
from training.recipe import StageRecipe

EMA_DECAY = 0.998  # of the averaged weights
LOG_EVERY, WARMUP = 50, 100  # steps
SAVE_EVERY_S = 300.0

DrawBatch = Callable[[np.random.Generator], Batch]
LossFunction = Callable[[Batch, np.random.Generator, int], Tensor]


class TrainingState:
    """A module, its optimizers and its averaged weights: everything needed to resume a run."""

    def __init__(self, module: nn.Module, optimizers: list[torch.optim.Optimizer], path: Path) -> None:
        self.module = module
        self.optimizers = optimizers
        self.path = path
        self.step = 0
        self.rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
        self.averaged = {name: value.clone() for name, value in module.state_dict().items()}
        if state := checkpoint.load(path):
            module.load_state_dict(state["module"])
            self.averaged = state["averaged"]
            for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.step = state["step"]

    def save(self) -> None:
        state = {"module": self.module.state_dict(), "averaged": self.averaged, "step": self.step}
        checkpoint.save(self.path, state | {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]})

    def optimizer_step(self, loss: Tensor, scale: float) -> None:
        """One optimizer step at `scale` times each group's learning rate."""
        self.module.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = scale * rate
            optimizer.step()
        self.step += 1
        with torch.no_grad():
            for name, value in self.module.state_dict().items():
                self.averaged[name].lerp_(value, 1 - min(EMA_DECAY, self.step / (self.step + 20)))


def run_steps(
    state: TrainingState, stage: StageRecipe, seed: tuple[int, int], draw: DrawBatch, loss_of: LossFunction
) -> None:
    """Run the stage's remaining steps and load the averaged weights into the module.

    The seed of every step depends only on `seed` and its number, so that resumed and uninterrupted runs are equal.
    """
    mixed = autocast_is_faster()
    saved_at = time.monotonic()
    losses: list[float] = []
    print(f"{stage.name}: step {state.step} of {stage.steps}, {'bfloat16' if mixed else 'float32'}", flush=True)
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(1) as ahead:  # prepares the next batch during this step
        pending = ahead.submit(draw, np.random.default_rng((*seed, state.step)))
        while state.step < stage.steps:
            step = state.step
            batch = pending.result()
            if step + 1 < stage.steps:
                pending = ahead.submit(draw, np.random.default_rng((*seed, step + 1)))
            torch.manual_seed(hash((*seed, step)))
            with mixed_precision(mixed):
                loss = loss_of(batch, np.random.default_rng((*seed, step, 1)), step)
                state.optimizer_step(loss, _learning_rate(stage, step))
            losses.append(loss.item())
            if state.step % LOG_EVERY == 0:
                print(f"{stage.name} step {state.step}: loss {sum(losses) / len(losses):.4f}", flush=True)
                losses.clear()
            if time.monotonic() - saved_at > SAVE_EVERY_S or state.step == stage.steps:
                state.save()
                saved_at = time.monotonic()
    state.module.load_state_dict(state.averaged)


def _learning_rate(stage: StageRecipe, step: int) -> float:
    return min(1, (step + 1) / WARMUP) * (0.52 + 0.48 * math.cos(math.pi * step / stage.steps))
