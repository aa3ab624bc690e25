"""Flow matching: the sigma of a step, and x0 from the network's prediction.

x = (1 - sigma) * x0 + sigma * noise; the network predicts flow = noise - x0, so x0 = x - sigma * flow.
x0 of any kind of prediction is a weighted sum of the two: see `x0_weights`.
"""

from dataclasses import dataclass

from torch import Tensor

from lipar_core.config import ScheduleConfig

CLEAN_TIMESTEP = 0.0


def sigmas(
    schedule: ScheduleConfig, strength: float | None = None, steps: tuple[int, ...] | None = None
) -> list[float]:
    """The sigmas of a block's denoising steps.

    `steps` replaces the preset's own; `strength` scales them so that the first equals it (0 gives no step at all).
    """
    values = [schedule.sigma(step) for step in steps or schedule.steps]
    if strength is None or strength == values[0]:
        return values
    return [value * strength / values[0] for value in values] if strength > 0 else []


def timestep_of_sigma(sigma: float, schedule: ScheduleConfig) -> float:
    """The network's timestep input: sigma in units of a training step."""
    return sigma * schedule.train_steps


def add_noise(x0: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Mix noise into x0."""
    return (1 - sigma) * x0 + sigma * noise


@dataclass(frozen=True, slots=True)
class X0Weights:
    """x0 = `x` times the noisy input plus `prediction` times the network's output."""

    x: float
    prediction: float


def x0_weights(sigma: float, schedule: ScheduleConfig) -> X0Weights:
    """The weights at one sigma.

    A residual is added to the best multiple of the input: the x0 expected where latents have the preset's standard
    deviation (Karras et al. 2022, arXiv 2206.00364, c_skip in appendix B.6). At a low sigma this preserves the source's
    detail, which an `x0` prediction must carry through every layer; a flow would have to be very large to change the
    picture.
    """
    if schedule.prediction == "flow":
        return X0Weights(1.0, -sigma)
    if schedule.prediction == "x0":
        return X0Weights(0.0, 1.0)
    signal = (1 - sigma) * schedule.data_std**2
    return X0Weights(signal / ((1 - sigma) * signal + sigma**2), 1.0)


def x0_from_prediction(x: Tensor, prediction: Tensor, weights: X0Weights) -> Tensor:
    """x0 from the network's output at the noisy input x."""
    return weights.x * x + weights.prediction * prediction
