"""Flow matching: the noise share of a step, and x0 from what the network predicts (design section 2).

x = (1 - sigma) * x0 + sigma * noise; the network predicts flow = noise - x0, so x0 = x - sigma * flow.
"""

from typing import Literal

from torch import Tensor

from lipar_core.config import ScheduleConfig

CLEAN_TIMESTEP = 0.0


def sigmas(
    schedule: ScheduleConfig, strength: float | None = None, steps: tuple[int, ...] | None = None
) -> list[float]:
    """The noise shares of a block's denoising steps.

    `steps` replaces the preset's own; `strength` scales them so that the first equals it (0 gives no step at all).
    """
    shares = [schedule.sigma(step) for step in steps or schedule.steps]
    if strength is None or strength == shares[0]:
        return shares
    return [share * strength / shares[0] for share in shares] if strength > 0 else []


def timestep_of_sigma(sigma: float, schedule: ScheduleConfig) -> float:
    """What the network is told: the noise share in units of a training step."""
    return sigma * schedule.train_steps


def add_noise(x0: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Mix noise into x0 at noise share sigma."""
    return (1 - sigma) * x0 + sigma * noise


def x0_from_prediction(x: Tensor, prediction: Tensor, sigma: float, kind: Literal["flow", "x0"]) -> Tensor:
    """x0 from the network's output at the noisy input x."""
    return prediction if kind == "x0" else x - sigma * prediction
