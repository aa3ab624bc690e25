import pytest
import torch

from lipar_core.config import CodecConfig
from lipar_core.taehv import TAEHV
from tests.tiny import tiny_models

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
    codec = TAEHV(CodecConfig())
    assert set(codec.state_dict()) >= PUBLISHED_NAMES
    assert (len(codec.encoder), len(codec.decoder)) == (18, 23)


@pytest.mark.parametrize(("channels", "unshuffle"), [(16, 1), (48, 2)])
def test_layout_follows_the_config(channels, unshuffle):
    config = CodecConfig(latent_channels=channels, unshuffle=unshuffle, memblocks=1)
    codec = TAEHV(config).eval()
    latents, _ = codec.encode(torch.rand(1, 4, 3, 8 * unshuffle * 2, 8 * unshuffle * 3))
    assert latents.shape == (1, 1, channels, 2, 3)
    frames, _ = codec.decode(latents)
    assert frames.shape == (1, 4, 3, 16 * unshuffle, 24 * unshuffle)
