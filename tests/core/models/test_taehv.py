import pytest
import torch
import torch.nn.functional as F
from msgspec.structs import replace
from torch.nn.utils import vector_to_parameters

from lipar_core.errors import ConfigError
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.interfaces import LatentArea
from lipar_core.models.renderer import MAX_ACTIVATION, Renderer
from lipar_core.models.taehv import TAEHV
from tests.tiny import draw_something, tiny_models, tiny_preset

PUBLISHED_NAMES = {"encoder.0.weight", "encoder.2.conv.weight", "encoder.6.conv.4.bias", "decoder.22.bias"}


@pytest.fixture(scope="module")
def codec() -> TAEHV:
    return tiny_models().codec


@pytest.mark.parametrize("splits", [[16], [1] * 16, [3, 0, 5, 8], [4, 4, 4, 4]])
def test_streaming_encoder_equals_batch(codec, splits):
    video = torch.rand(2, 16, 3, 32, 48)
    whole, _ = codec.encode(video)
    state, parts, at = None, [], 0
    for count in splits:
        part, state = codec.encode(video[:, at : at + count], state)
        parts.append(part)
        at += count
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("splits", [[1] * 5, [2, 0, 3]])
def test_streaming_decoder_equals_batch(codec, splits):
    latents = torch.randn(1, 5, 8, 4, 6)
    whole, _ = codec.decode(latents)
    assert whole.shape == (1, 20, 3, 32, 48)
    state, parts = None, []
    for part in latents.split(splits, dim=1):
        if part.shape[1]:
            frames, state = codec.decode(part, state)
            parts.append(frames)
    # random weights make large pixels: rounding is measured against the largest
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=2e-6 * float(whole.abs().max()))


def test_states_are_not_shared(codec):
    video = torch.rand(1, 8, 3, 32, 48)
    _, state = codec.encode(video[:, :4])
    first, _ = codec.encode(video[:, 4:], state)
    again, _ = codec.encode(video[:, 4:], state)
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_published_layout_has_the_published_names():
    codec = TAEHV(TAEHVConfig())
    assert set(codec.state_dict()) >= PUBLISHED_NAMES
    assert (len(codec.encoder), len(codec.decoder)) == (18, 23)


@pytest.mark.parametrize(("channels", "unshuffle"), [(16, 1), (48, 2)])
def test_layout_follows_the_config(channels, unshuffle):
    config = TAEHVConfig(latent_channels=channels, unshuffle=unshuffle, memblocks=1)
    codec = TAEHV(config).eval()
    latents, _ = codec.encode(torch.rand(1, 4, 3, 8 * unshuffle * 2, 8 * unshuffle * 3))
    assert latents.shape == (1, 1, channels, 2, 3)
    frames, _ = codec.decode(latents)
    assert frames.shape == (1, 4, 3, 16 * unshuffle, 24 * unshuffle)


@pytest.fixture(scope="module")
def drawing() -> TAEHV:
    """A codec with a renderer that draws."""
    torch.manual_seed(0)
    codec = TAEHV(replace(tiny_preset().codec, code_channels=4, renderer_width=8, renderer_depth=2))
    assert codec.renderer is not None
    draw_something(codec)
    return codec.requires_grad_(False)


def coded(latents: torch.Tensor) -> torch.Tensor:
    """With a code that is mostly the first renderer's."""
    latents[:, :, 8:] = 0.1 * latents[:, :, 8:] + torch.eye(4)[0][:, None, None]
    return latents


def test_a_renderer_streams_as_the_decoder_does(drawing):
    latents = coded(torch.randn(2, 3, 12, 4, 6))
    whole, _ = drawing.decode(latents)
    state, parts = None, []
    for part in latents.split(1, dim=1):
        frames, state = drawing.decode(part, state)
        parts.append(frames)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-5)


def test_the_code_steers_the_renderer_alone(drawing):
    """The encoder leaves it at 0, and the rest of the decoder ignores it."""
    latents, _ = drawing.encode(torch.rand(1, 8, 3, 64, 96))
    assert latents.shape == (1, 2, 12, 8, 12)
    assert not latents[:, :, 8:].any()
    steered = latents.clone()
    steered[:, 1, 8:, :, 8:] = 1.0
    plain, drawn = drawing.decode(latents)[0], drawing.decode(steered)[0]
    assert torch.equal(plain[:, :4], drawn[:, :4])  # the latent frame before
    assert not torch.allclose(plain[:, 4:, :, :, 64:], drawn[:, 4:, :, :, 64:])
    assert torch.equal(drawing.picture(steered), drawing.picture(latents))


@pytest.mark.parametrize("area", [LatentArea(6, 9, 5, 8), LatentArea(0, 3, 9, 14), LatentArea(0, 14, 0, 14)])
def test_the_renderer_draws_an_area_as_in_the_whole_picture(drawing, area):
    latents = coded(torch.randn(1, 2, 12, 14, 14))
    whole, partly = drawing.decode(latents)[0], drawing.decode(latents, None, area)[0]
    y, x = slice(area.top * 8, area.bottom * 8), slice(area.left * 8, area.right * 8)
    torch.testing.assert_close(partly[..., y, x], whole[..., y, x], rtol=0, atol=1e-5)
    assert torch.equal(partly[..., -8:, :8], whole[..., -8:, :8]) is (area.bottom == 14)  # far away it draws nothing


@torch.no_grad()
def test_the_code_scales_and_shifts_the_renderers_channels(drawing):
    """The formula, frame by frame and layer by layer."""
    renderer = Renderer(drawing.config)
    vector_to_parameters(drawing.renderer.weights[0], renderer.parameters())
    frames, latents = torch.rand(1, 8, 3, 64, 96), coded(torch.randn(1, 2, drawing.config.channels, 8, 12))
    picture = latents[:, :, : drawing.config.latent_channels]
    expected = []
    for i, frame in enumerate(frames[0]):
        steering = F.interpolate(renderer.steering(picture[:, i // 4]), scale_factor=4, mode="bilinear")
        scale, *rest = steering.chunk(6, dim=1)
        shift, *rest = rest
        x = renderer.enter(F.pixel_unshuffle(frame[None], 2)) + renderer.token_bias.repeat(1, 4, 6)
        x = (x + shift + x * scale).clamp(0, MAX_ACTIVATION)
        for layer, scale, shift in zip(renderer.layers, rest[::2], rest[1::2], strict=True):
            x = x + (layer(x) + shift + layer(x) * scale).clamp(0, MAX_ACTIVATION)
        expected.append(frame + F.pixel_shuffle(renderer.leave(x), 2)[0])
    torch.testing.assert_close(drawing.renderer(frames, latents)[0], torch.stack(expected), rtol=1e-5, atol=1e-5)


def test_a_new_renderer_adds_nothing():
    config = tiny_preset().codec
    plain, drawing = TAEHV(config), TAEHV(replace(config, code_channels=4, renderer_width=8))
    drawing.load_state_dict(plain.state_dict(), strict=False)
    latents = torch.randn(1, 2, 12, 4, 6)
    assert torch.equal(drawing.decode(latents)[0], plain.decode(latents[:, :, :8])[0])
    assert plain.renderer is None


def test_a_code_without_a_renderer_is_rejected():
    with pytest.raises(ConfigError, match="both or neither must be 0"):
        TAEHVConfig(code_channels=8)
    with pytest.raises(ConfigError, match="both or neither must be 0"):
        TAEHVConfig(renderer_width=32)
