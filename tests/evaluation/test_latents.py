"""Videos decoded from recorded latents."""

from dataclasses import replace

import torch

from lipar_core.models.precision import Precision
from lipar_core.presets import default_parameters
from lipar_eval.clips import Clip
from lipar_eval.latents import decode_video, record
from tests.tiny import moving_square, tiny_models


def test_recorded_latents_decode_to_the_edited_frames_with_convolutions_in_bfloat16():
    models = replace(tiny_models(), precision=Precision(torch.float32, torch.bfloat16, torch.float32))
    models.codec.to(torch.bfloat16)
    clip = Clip("square", (moving_square(24) * 255).round().byte())

    recording = record(models, clip, default_parameters(models.preset))

    assert decode_video(models, recording.x0, len(clip.frames)).equal(recording.edited.frames)
