"""How the code of a latent frame chooses the renderers."""

import pytest
import torch
from msgspec.structs import replace

from lipar_core.models.interfaces import LatentArea
from lipar_core.models.renderers import Renderers
from tests.tiny import draw_something, tiny_models, tiny_preset

CONFIG = replace(tiny_preset().codec, code_channels=3, renderer_width=8, renderer_depth=2)
FRAMES = torch.rand(1, 4, 3, 32, 48, generator=torch.Generator().manual_seed(0))
ONE, TWO, THREE = torch.eye(3)


@pytest.fixture(scope="module")
def renderers() -> Renderers:
    torch.manual_seed(0)
    preset = tiny_preset()
    codec = tiny_models(
        replace(preset, codec=CONFIG, transformer=replace(preset.transformer, channels=CONFIG.channels))
    ).codec
    draw_something(codec)
    return codec.renderer.requires_grad_(False)


def latents_with(code: torch.Tensor) -> torch.Tensor:
    """Latents [1, 1, 11, 4, 6] of a random picture with one code."""
    picture = torch.randn(1, 1, 8, 4, 6, generator=torch.Generator().manual_seed(1))
    return torch.cat([picture, code.view(1, 1, 3, 1, 1).expand(1, 1, 3, 4, 6)], dim=2)


@pytest.mark.parametrize(
    ("code", "shares"),
    [
        (TWO, [0, 1, 0]),
        (0.9 * TWO + 0.1 * THREE - 0.1 * ONE, [0, 1, 0]),  # the transformer is not exact
        ((ONE + THREE) / 2, [0.5, 0, 0.5]),
        (0.7 * ONE + 0.3 * TWO, [0.786, 0.214, 0]),
        (0.25 * ONE, [0.5, 0, 0]),  # fades out
        (0 * ONE, [0, 0, 0]),
    ],
)
def test_a_code_gives_each_renderer_a_share(renderers, code, shares):
    assert renderers.shares(latents_with(code))[0].tolist() == pytest.approx(shares, abs=1e-3)


def test_positions_without_a_code_do_not_count(renderers):
    latents = latents_with(TWO)
    latents[..., 8:, :, 2:] = 0
    assert renderers.shares(latents)[0].tolist() == [0, 1, 0]


@torch.inference_mode()
def test_between_two_styles_is_the_mean_of_both_pictures(renderers):
    first, second = (renderers(FRAMES, latents_with(code)) for code in (ONE, TWO))
    assert not torch.allclose(first, second, atol=0.1)
    mixed = renderers(FRAMES, latents_with((ONE + TWO) / 2))
    torch.testing.assert_close(mixed, (first + second) / 2, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_without_a_code_nothing_is_drawn(renderers):
    assert torch.equal(renderers(FRAMES, latents_with(0 * ONE)), FRAMES)


@torch.inference_mode()
def test_every_latent_frame_has_its_own_renderer(renderers):
    first, second = latents_with(ONE), latents_with(THREE)
    both = renderers(torch.cat([FRAMES, FRAMES], dim=1), torch.cat([first, second], dim=1))
    torch.testing.assert_close(both, torch.cat([renderers(FRAMES, x) for x in (first, second)], dim=1))


@torch.inference_mode()
def test_an_area_is_drawn_by_the_renderer_of_the_whole_frame(renderers):
    """The code is in one corner, the area in another."""
    latents = latents_with(THREE)
    latents[..., 8:, :, :3] = 0
    part = renderers(FRAMES, latents, LatentArea(0, 4, 0, 2))
    torch.testing.assert_close(part, renderers(FRAMES, latents)[..., :16], rtol=0, atol=1e-5)


@torch.inference_mode()
def test_latents_of_no_picture_do_not_explode(renderers):
    """The latents steer every layer, so that their effect would multiply."""
    latents = latents_with(ONE)
    latents[:, :, :8] *= 1000
    assert renderers(FRAMES, latents).abs().max() < 500  # 31 of a picture
