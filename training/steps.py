"""The loop that all parts are trained by: draw, learn, average, keep a checkpoint every few minutes."""

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

EMA = 0.998  # of the weights that are kept
LOG_EVERY, WARMUP = 50, 100  # steps
SAVE_EVERY_S = 300.0

Draw = Callable[[np.random.Generator], Batch]
Loss = Callable[[Batch, np.random.Generator, int], Tensor]


class Progress:
    """A part, its optimizers, its averaged weights: all that a stopped run goes on from."""

    def __init__(self, module: nn.Module, optimizers: list[torch.optim.Optimizer], path: Path) -> None:
        self.module, self.optimizers, self.path, self.step = module, optimizers, path, 0
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

    def learn(self, loss: Tensor, scale: float) -> None:
        """One step down the gradient, at `scale` times every group's rate."""
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
                self.averaged[name].lerp_(value, 1 - min(EMA, self.step / (self.step + 20)))


def run_steps(progress: Progress, stage: StageRecipe, seed: tuple[int, int], draw: Draw, loss_of: Loss) -> None:
    """Run the stage's remaining steps and leave the averaged weights in the module.

    Every step draws from the seed and its own number, so that a resumed run sees what an uninterrupted one would.
    """
    mixed, begin, losses = autocast_is_faster(), time.monotonic(), list[float]()
    print(f"{stage.name}: step {progress.step} of {stage.steps}, {'bfloat16' if mixed else 'float32'}", flush=True)
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(1) as ahead:  # the next batch is styled while this one is learned from
        waiting = ahead.submit(draw, np.random.default_rng((*seed, progress.step)))
        while progress.step < stage.steps:
            step, batch = progress.step, waiting.result()
            if step + 1 < stage.steps:
                waiting = ahead.submit(draw, np.random.default_rng((*seed, step + 1)))
            torch.manual_seed(hash((*seed, step)))
            with mixed_precision(mixed):
                loss = loss_of(batch, np.random.default_rng((*seed, step, 1)), step)
                progress.learn(loss, _rate(stage, step))
            losses.append(loss.item())
            if progress.step % LOG_EVERY == 0:
                print(f"{stage.name} step {progress.step}: loss {sum(losses) / len(losses):.4f}", flush=True)
                losses.clear()
            if time.monotonic() - begin > SAVE_EVERY_S or progress.step == stage.steps:
                progress.save()
                begin = time.monotonic()
    progress.module.load_state_dict(progress.averaged)


def _rate(stage: StageRecipe, step: int) -> float:
    return min(1, (step + 1) / WARMUP) * (0.52 + 0.48 * math.cos(math.pi * step / stage.steps))
