import pytest
import torch

from lipar_core.config import ScheduleConfig
from lipar_core.flow import add_noise, sigmas, timestep_of_sigma, x0_from_prediction

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


def test_x0_is_found_from_either_prediction():
    x0, noise = torch.randn(2, 4, 8)
    x = add_noise(x0, noise, 0.7)
    torch.testing.assert_close(x0_from_prediction(x, noise - x0, 0.7, "flow"), x0)
    torch.testing.assert_close(x0_from_prediction(x, x0 - x, 0.7, "residual"), x0)
    assert x0_from_prediction(x, x0, 0.7, "x0") is x0
