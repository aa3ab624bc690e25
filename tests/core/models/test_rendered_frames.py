"""The renderer's output is kept while nothing changes."""

import torch
from msgspec.structs import replace
from torch import nn

from lipar_core.models.taehv import TAEHV, CodecState
from tests.tiny import tiny_preset

CONFIG = replace(tiny_preset().codec, renderer_width=4, renderer_depth=1, code_channels=2)


@torch.inference_mode()
def test_a_decoder_that_keeps_what_it_drew_equals_one_that_does_not():
    """While the latents change, rest, change in a corner and rest: the decoder's memory needs some blocks to rest."""
    codec = TAEHV(CONFIG)
    generator = torch.Generator().manual_seed(0)
    for parameter in codec.parameters():
        nn.init.normal_(parameter, std=0.1, generator=generator)
    drawn = []
    codec.renderer.register_forward_hook(lambda *_: drawn.append(block))
    latents = torch.randn(1, 1, CONFIG.channels, 16, 16, generator=generator)
    keeping, plain = CodecState(), CodecState()
    for block in range(12):
        if block in (1, 7):
            latents[..., :1, :1] += 1  # in place, as a session does
        frames, keeping = codec.decode(latents, keeping)
        expected, plain = codec.decode(latents, CodecState(plain.past))
        assert torch.equal(frames, expected)
    kept = {block for block in range(12) if drawn.count(block) == 1}  # by the plain decoder alone
    assert {6, 11} <= kept
    assert kept.isdisjoint({0, 1, 7})
