"""The renderer draws again only what changed."""

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from lipar_core.models.rendered_frames import render
from lipar_core.models.renderer import Renderer
from lipar_core.models.taehv import TAEHV, CodecState
from tests.tiny import tiny_preset

CONFIG = replace(tiny_preset().codec, renderer_width=4, renderer_depth=1, code_channels=2)
ROWS, COLS = 30, 32  # latents


class CountingRenderer(Renderer):
    """Counts the pixels that it draws."""

    drawn = 0

    def forward(self, frames, latents):
        self.drawn += frames[0, 0, 0].numel()
        return super().forward(frames, latents)


def random_weights(module: nn.Module, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.1, generator=generator)


@pytest.fixture
def renderer():
    with torch.inference_mode():
        renderer = CountingRenderer(CONFIG)
        random_weights(renderer)
        yield renderer


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    frames = torch.rand(1, 4, 3, ROWS * CONFIG.stride, COLS * CONFIG.stride, generator=generator)
    return frames, torch.randn(1, 1, CONFIG.channels, ROWS, COLS, generator=generator)


@pytest.mark.parametrize(
    ("latent", "pixel", "most"),
    [
        (None, None, 0.0),
        ((0, 0), None, 0.3),
        ((ROWS - 1, COLS - 1), None, 0.3),
        ((7, 11), None, 0.6),
        (None, (0, 100), 0.4),
        (None, (ROWS * CONFIG.stride - 1, 1), 0.3),
        ((2, 3), (33, 40), 0.6),
        ((0, 0), (ROWS * CONFIG.stride - 1, COLS * CONFIG.stride - 1), 1.0),
        ((slice(None), slice(None)), None, 1.0),
    ],
)
def test_only_what_changed_is_drawn_again_and_equals_the_whole(renderer, latent, pixel, most):
    """Over two changes in a row, of which the second keeps what the first drew."""
    frames, latents = inputs()
    rendered = render(renderer, frames, latents, None)
    renderer.drawn = 0
    for _ in range(2):
        frames, latents = frames.clone(), latents.clone()
        if latent is not None:
            latents[0, 0, 0][latent] += 1
        if pixel is not None:
            frames[0, 2, 1][pixel] += 1
        rendered = render(renderer, frames, latents, rendered)
    assert renderer.drawn / 2 <= most * frames[0, 0, 0].numel()
    torch.testing.assert_close(rendered.output, renderer(frames, latents), rtol=1e-5, atol=1e-5)


def test_frames_of_another_size_are_drawn_in_full(renderer):
    frames, latents = inputs()
    before = render(renderer, frames, latents, None)
    part = frames[..., : 4 * CONFIG.stride, :], latents[..., :4, :]
    assert torch.equal(render(renderer, *part, before).output, renderer(*part))


@torch.inference_mode()
def test_a_decoder_that_keeps_what_it_drew_equals_one_that_does_not():
    """While the latents change, rest, change in a corner and rest: its memory needs some blocks to come to rest."""
    codec = TAEHV(CONFIG)
    random_weights(codec)
    latents = torch.randn(1, 1, CONFIG.channels, 16, 16, generator=torch.Generator().manual_seed(2))
    keeping, reused = None, 0
    plain = CodecState()
    for block in range(10):
        if block in (1, 6):
            latents = latents.clone()
            latents[..., :1, :1] += 1
        before = keeping.rendered if keeping is not None else None
        frames, keeping = codec.decode(latents, keeping)
        reused += before is not None and keeping.rendered.output is before.output
        expected, plain = codec.decode(latents, CodecState(plain.past))
        torch.testing.assert_close(frames, expected, rtol=1e-4, atol=1e-4)
    assert reused >= 2
