"""The transformer against diffusers' own Wan transformer: small random weights, one full block, no cache."""

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import save_file

from lipar_core.checkpoints.key_names import internal_name
from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.kinds.wan import WanConfig
from lipar_core.models.wan import CausalWan
from lipar_core.patches import patchify, unpatchify
from lipar_core.rope import RotaryTable, rotate

FRAMES, ROWS, COLS, TOKENS_OF_TEXT = 3, 4, 6, 7
CONFIG = WanConfig(
    dim=72, ffn_dim=160, heads=3, layers=3, channels=16, text_dim=20, text_length=TOKENS_OF_TEXT, time_dim=32
)


class WholeBlock:
    """Self-attention over the block's own tokens only."""

    def __init__(self, rotary):
        self.rotary = rotary

    def update(self, layer, k, v):
        return rotate(k, self.rotary), v, None


def diffusers_model(config):
    return WanTransformer3DModel(
        patch_size=(1, config.patch, config.patch),
        num_attention_heads=config.heads,
        attention_head_dim=config.head_dim,
        in_channels=config.channels,
        out_channels=config.channels,
        text_dim=config.text_dim,
        freq_dim=config.time_dim,
        ffn_dim=config.ffn_dim,
        num_layers=config.layers,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        eps=config.eps,
        rope_max_seq_len=64,
    )


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(1)
    model = diffusers_model(CONFIG)
    for parameter in model.parameters():  # so that every weight has an effect, norms and biases too
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    return model.eval()


@pytest.mark.parametrize("timestep", [1000, 737, 1])
def test_a_block_equals_diffusers(reference, tmp_path, timestep):
    save_file(reference.state_dict(), tmp_path / "diffusion_pytorch_model.safetensors")
    with MetaDevice():
        dit = CausalWan(CONFIG)
    load_network(dit, tmp_path, "transformer", torch.device("cpu"), torch.float32)
    latents = torch.randn(FRAMES, CONFIG.channels, ROWS * CONFIG.patch, COLS * CONFIG.patch)
    context = torch.randn(TOKENS_OF_TEXT, CONFIG.text_dim)
    rotary = RotaryTable(CONFIG.head_dim, ROWS, COLS).at(range(FRAMES)).flatten(0, 1)
    with torch.inference_mode():
        expected = reference(latents.movedim(0, 1)[None], torch.tensor([timestep]), context[None]).sample
        tokens = patchify(latents, CONFIG.patch).flatten(0, 1)
        text = dit.text_kv(context)
        out = dit(tokens, dit.modulation(timestep), rotary, text, WholeBlock(rotary)).unflatten(0, (FRAMES, -1))
    out = unpatchify(out, CONFIG.patch, ROWS)
    expected = expected[0].movedim(0, 1)
    torch.testing.assert_close(out, expected, rtol=0, atol=2e-5)


def test_the_published_model_has_our_names_and_shapes():
    """Of the 1.3B, without its weights."""
    with torch.device("meta"):
        theirs = diffusers_model(WanConfig()).state_dict()
    with MetaDevice():
        ours = CausalWan(WanConfig()).state_dict()
    assert {internal_name(name, "transformer"): value.shape for name, value in theirs.items()} == {
        name: value.shape for name, value in ours.items()
    }
    assert sum(value.numel() for value in ours.values()) == 1_418_996_800
