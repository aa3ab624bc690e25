"""Small random models for tests: the product's own classes, two layers, a picture of a few tokens."""

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.config import (
    Preset,
    PresetStyle,
    ScheduleConfig,
    StreamSection,
    WeightsConfig,
    resolve_stream,
)
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.kinds.text import HashedConfig
from lipar_core.kinds.wan import WanConfig
from lipar_core.models.loading import Models
from lipar_core.models.precision import uniform
from lipar_core.models.prompts import PromptCache
from lipar_core.models.taehv import TAEHV
from lipar_core.models.wan import CausalWan
from lipar_core.parameters import Pruning


class RandomText:
    """A text encoder that gives every prompt its own fixed random vectors."""

    def __init__(self, length: int, dim: int) -> None:
        self.length, self.dim = length, dim

    def encode(self, prompt: str) -> Tensor:
        generator = torch.Generator().manual_seed(sum(prompt.encode()))
        return torch.randn(self.length, self.dim, generator=generator)

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        words = len(prompt.split())
        return min(words, self.length), words

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        return ()


def tiny_preset(**stream: object) -> Preset:
    """A preset of a few tokens; keyword arguments change its StreamConfig."""
    sizes: dict[str, object] = {"width": 96, "height": 64, "block_frames": 3, "sink_frames": 1, "window_frames": 8}
    codec = TAEHVConfig(
        latent_channels=8,
        unshuffle=8,
        memblocks=1,
        encoder_width=16,
        encoder_time=(2, 2),
        encoder_space=(1, 1),
        decoder_widths=(16, 16, 16),
        decoder_time=(2, 2),
        decoder_space=(1, 1),
    )
    transformer = WanConfig(dim=48, ffn_dim=64, heads=4, layers=2, channels=8, text_dim=12, text_length=6, time_dim=16)
    return Preset(
        name="test",
        description="random weights",
        device="cpu",
        dtype="float32",
        stream=resolve_stream(StreamSection(**(sizes | stream)), codec, transformer),  # type: ignore[arg-type]
        codec=codec,
        transformer=transformer,
        schedule=ScheduleConfig(steps=(400, 250), shift=3.0),
        text=HashedConfig(words="bundled:tiny_words.txt"),
        weights=WeightsConfig(transformer="none", codec="none", text="none"),
        pruning=Pruning(tau=0.4, tau2=0.8),
        live_pruning=Pruning(tau=0.4, tau2=0.8, min_keep=0.2),
        styles=(PresetStyle(name="Sketch", prompt="a pencil sketch"), PresetStyle(name="None", prompt="no change")),
    )


def rendering_preset() -> Preset:
    """As `tiny_preset`, with a renderer."""
    preset = tiny_preset()
    codec = replace(preset.codec, code_channels=2, renderer_width=4, renderer_depth=1)  # type: ignore[arg-type]
    return replace(preset, codec=codec, transformer=replace(preset.transformer, channels=10))  # type: ignore[arg-type]


def tiny_models(preset: Preset | None = None, seed: int = 0) -> Models:
    """Models with seeded random weights, large enough for every part to matter."""
    preset = preset or tiny_preset()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        codec, dit = TAEHV(preset.codec), CausalWan(preset.transformer)
        for parameter in dit.parameters():
            if parameter.dim() == 1:
                parameter.data.add_(torch.randn_like(parameter) * 0.1)
        for parameter in codec.parameters():
            if parameter.dim() == 4:  # latents of unit size, so that the detector has something to see
                parameter.data.normal_(std=(2 / parameter[0].numel()) ** 0.5)
    for network in (codec, dit):
        network.requires_grad_(False).eval()
    text = RandomText(preset.transformer.text_length, preset.transformer.text_dim)
    return Models(preset, codec, dit, PromptCache(text), torch.device("cpu"), uniform(torch.float32))


def moving_square(frames: int, preset: Preset | None = None, seed: int = 0) -> Tensor:
    """A clip [N, 3, H, W] in [0, 1]: still texture, and a bright square that crosses it."""
    stream = (preset or tiny_preset()).stream
    generator = torch.Generator().manual_seed(seed)
    clip = torch.rand(3, stream.height, stream.width, generator=generator).repeat(frames, 1, 1, 1)
    for i in range(frames):
        left = (2 * i) % (stream.width - 8)
        clip[i, :, 8:16, left : left + 8] = 1.0
    return clip


def with_stream(preset: Preset, **stream: object) -> Preset:
    """The preset with another StreamConfig."""
    return replace(preset, stream=replace(preset.stream, **stream))  # type: ignore[arg-type]


def draw_something(codec: TAEHV) -> None:
    """Random details from every renderer; untrained ones add nothing."""
    assert codec.renderer is not None
    for weights in codec.renderer.weights.data:
        parameters = codec.renderer.named(weights)
        torch.nn.init.normal_(parameters["leave.weight"])
        torch.nn.init.normal_(parameters["token_bias"])
