"""Flow matching: the sigma of a step, and x0 from the network's prediction.

x = (1 - sigma) * x0 + sigma * noise; the network predicts flow = noise - x0, so x0 = x - sigma * flow.
"""

from torch import Tensor

from lipar_core.config import Prediction, ScheduleConfig

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


def x0_from_prediction(x: Tensor, prediction: Tensor, sigma: float, kind: Prediction) -> Tensor:
    """x0 from the network's output at the noisy input x.

    A residual is added to the input, independent of sigma. At a low sigma this preserves the source's detail, which an
    `x0` prediction must carry through every layer; a flow would have to be very large to change the picture.
    """
    if kind == "x0":
        return prediction
    return x + prediction if kind == "residual" else x - sigma * prediction
