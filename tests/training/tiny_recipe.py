"""A small codec, and a short stage: what the tests train."""

from lipar_core.kinds.taehv import TAEHVConfig
from lipar_eval.classical_styles import STYLES
from training.recipe import StageRecipe
from training.renderer import plain_config

LAYOUT = TAEHVConfig(
    latent_channels=24,
    unshuffle=8,
    latent_bound=12.0,
    lag_frames=0,
    memblocks=1,
    encoder_width=64,
    encoder_time=(2, 2),
    encoder_space=(1, 1),
    decoder_widths=(64, 64, 64),
    decoder_time=(2, 2),
    decoder_space=(1, 1),
    code_channels=len(STYLES),
    renderer_width=8,
    renderer_depth=2,
)
PLAIN = plain_config(LAYOUT)
STAGE = StageRecipe(name="one", steps=4, batch=2, crop=(48, 64), frames=2, past=1, prune=0.5, guide=1.0, rate=1e-3)
