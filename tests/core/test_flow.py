import pytest
import torch

from lipar_core.config import ScheduleConfig
from lipar_core.flow import add_noise, sigmas, timestep_of_sigma, x0_from_prediction, x0_weights

PUBLISHED = ScheduleConfig()


def test_published_timesteps():
    timesteps = [timestep_of_sigma(sigma, PUBLISHED) for sigma in sigmas(PUBLISHED)]
    assert timesteps == pytest.approx([769.2308, 729.1667, 625.0], abs=1e-3)


def test_strength_is_the_first_sigma_and_scales_the_rest():
    own = sigmas(PUBLISHED)
    assert sigmas(PUBLISHED, own[0]) == own
    weak = sigmas(PUBLISHED, 0.3)
    assert weak[0] == pytest.approx(0.3)
    assert weak[2] / weak[0] == pytest.approx(own[2] / own[0])
    assert sigmas(PUBLISHED, 0.0) == []


def test_steps_replace_the_presets():
    assert sigmas(PUBLISHED, None, (500,)) == [pytest.approx(5 * 0.5 / (1 + 4 * 0.5))]


@pytest.mark.parametrize("kind", ["flow", "x0", "residual"])
def test_x0_is_found_from_every_prediction(kind):
    x0, noise = torch.randn(2, 4, 8)
    x = add_noise(x0, noise, 0.7)
    weights = x0_weights(0.7, ScheduleConfig(prediction=kind, data_std=0.85))
    prediction = {"flow": noise - x0, "x0": x0, "residual": x0 - weights.x * x}[kind]
    torch.testing.assert_close(x0_from_prediction(x, prediction, weights), x0)


@pytest.mark.parametrize("sigma", [0.02, 0.3, 0.7, 1.0])
def test_a_residual_is_added_to_the_best_multiple_of_the_input(sigma):
    """Found by least squares over latents of that standard deviation."""
    x0, noise = torch.randn(2, 1_000_000, generator=torch.Generator().manual_seed(0))
    x0 *= 0.85
    x = add_noise(x0, noise, sigma)
    weights = x0_weights(sigma, ScheduleConfig(prediction="residual", data_std=0.85))
    assert weights.x == pytest.approx(float(x @ x0 / (x @ x)), abs=3e-3)
    assert weights.prediction == 1
