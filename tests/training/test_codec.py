"""Training the codec: exact initialisation and initial weights."""

import pytest
import torch

from lipar_core.errors import CheckpointError
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_eval.quality import psnr
from tests.training.tiny_recipe import PLAIN
from training.codec import as_tensor, train_codec
from training.pca_codec import start_as_pca
from training.recipe import CodecRecipe


def test_pca_initialisation_is_a_good_linear_code(clips):
    torch.manual_seed(0)
    codec, video = TAEHV(PLAIN), torch.stack([as_tensor(clip) for clip in clips])
    start_as_pca(codec, video.flatten(0, 1))
    with torch.no_grad():
        latents, _ = codec.encode(video)
        raw, _ = codec.decode(latents)
        still, _ = codec.encode(video[:, :1].expand(-1, 12, -1, -1, -1))
    assert psnr(raw, video) > 30
    assert latents.abs().max() < 12
    torch.testing.assert_close(still[:, 1], still[:, 2], rtol=0, atol=1e-4)  # what is still in pixels is in latents


def test_other_layouts_cannot_start_as_pca(clips):
    with pytest.raises(ValueError, match="PCA needs"):
        start_as_pca(TAEHV(TAEHVConfig()), as_tensor(clips[0]))


def test_an_initial_codec_is_used_unchanged(tmp_path, clips):
    torch.manual_seed(1)
    initial = TAEHV(PLAIN)
    recipe = CodecRecipe(steps=1, batch=1, frames=8, crop=32, rate=0.1, warmup=1, latent_noise=0.0)
    codec = train_codec(PLAIN, recipe, clips, {}, 0, tmp_path / "codec.pt", initial.state_dict())
    for a, b in zip(codec.parameters(), initial.parameters(), strict=True):
        assert torch.equal(a, b)
    del initial.encoder
    with pytest.raises(CheckpointError, match=r"the initial weights: missing key encoder"):
        train_codec(PLAIN, recipe, clips, {}, 0, tmp_path / "other.pt", initial.state_dict())
