"""A preset file with random weights."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_core.presets import load_preset
from tests.tiny import tiny_models

PRESET = """\
description: random weights
device: cpu
dtype: float32
stream:
  {{width: 96, height: 64, sizes: [[96, 64], [64, 96]], block_frames: 1, sink_frames: 1, window_frames: 3}}
codec:
  latent_channels: 8
  unshuffle: 8
  lag_frames: 0
  memblocks: 1
  encoder_width: 16
  encoder_time: [2, 2]
  encoder_space: [1, 1]
  decoder_widths: [16, 16, 16]
  decoder_time: [2, 2]
  decoder_space: [1, 1]
transformer: {{dim: 48, ffn_dim: 64, heads: 4, layers: 2, channels: 8, text_dim: 12, text_length: 6, time_dim: 16}}
schedule: {{steps: [400, 250], shift: 3.0}}
text: {{kind: hashed, buckets: 256, dim: 16, words: "bundled:tiny_words.txt"}}
weights: {{transformer: {path}, codec: {path}, text: {path}}}
pruning: {{tau: 0.4, tau2: 0.8}}
live_pruning: {{}}
styles: [{{name: Sketch, prompt: a pencil sketch}}, {{name: None, prompt: no change}}]
"""


def write_bundle(folder: Path) -> Path:
    """Write both; returns the preset's path."""
    weights, preset = folder / "random.safetensors", folder / "random.yaml"
    preset.write_text(PRESET.format(path=weights))
    config = load_preset(preset)
    models = tiny_models(config)
    torch.manual_seed(0)
    text = HashedTextEncoder(config.text, config.transformer.text_length, config.transformer.text_dim)
    parts = dict(models.codec.state_dict())
    parts |= {f"model.{name}": value for name, value in models.dit.state_dict().items()}
    parts |= {f"text.{name}": value for name, value in text.state_dict().items()}
    save_file({name: value.contiguous() for name, value in parts.items()}, weights)
    return preset
