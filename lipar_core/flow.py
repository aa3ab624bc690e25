"""Flow matching: the noise share of a step, and x0 from what the network predicts (design section 2).

x = (1 - sigma) * x0 + sigma * noise; the network predicts flow = noise - x0, so x0 = x - sigma * flow.
"""

from torch import Tensor

from lipar_core.config import Prediction, ScheduleConfig

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


def x0_from_prediction(x: Tensor, prediction: Tensor, sigma: float, kind: Prediction) -> Tensor:
    """x0 from the network's output at the noisy input x.

    A residual is what is to be added to the input, whatever sigma is. At a low sigma that keeps the source's detail,
    which an `x0` has to carry through every layer, and a flow would have to be enormous to change.
    """
    if kind == "x0":
        return prediction
    return x + prediction if kind == "residual" else x - sigma * prediction
