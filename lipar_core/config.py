"""A preset's configuration: frozen structs, read from YAML, checked once. All other sizes are derived."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lipar_core.buckets import checked_buckets
from lipar_core.errors import ConfigError
from lipar_core.kinds.interfaces import CodecConfig, Positive, PositiveFloat, TextConfig, TransformerConfig
from lipar_core.parameters import Pruning, Smoothing
from lipar_core.parsing import ConfigStruct


class StreamSection(ConfigStruct, frozen=True, kw_only=True):
    """Sizes of the picture, the block and the KV cache, as a preset file gives them."""

    width: Positive = 832  # pixels
    height: Positive = 480
    sizes: tuple[tuple[int, int], ...] = ()  # (width, height) that the weights support; (): only the one above
    block_frames: Positive = 3  # latent frames denoised together
    sink_frames: Annotated[int, Meta(ge=0, le=1000)] = 1  # first latent frames, pinned in the cache
    window_frames: Positive = 8  # newest latent frames cached, the current block included
    rope_cap_frames: Positive = 21  # latent frames of a training clip: positions stop growing there
    restore_from: Literal["previous_frame", "previous_block"] = "previous_frame"
    buckets: tuple[Positive, ...] = ()  # numbers of tokens that a block may compute; (): chosen for the device


class StreamConfig(StreamSection, frozen=True, kw_only=True):
    """All sizes of a stream: those of the preset file, and the codec's and the transformer's, which they depend on."""

    frames_per_latent: Positive  # the codec's
    stride: Positive  # the codec's: pixels per latent row or column
    patch: Positive  # the transformer's: latent rows and columns of a token

    def __post_init__(self) -> None:
        unit = self.token_size
        if unit % 2:
            raise ConfigError(f"codec stride {self.stride} x transformer.patch {self.patch}: must be even")
        for name in ("width", "height"):
            if getattr(self, name) % unit:
                raise ConfigError(f"stream.{name} = {getattr(self, name)}: must be a multiple of {unit}")
        for size in self.sizes:
            if min(size) < unit or any(side % unit for side in size):
                raise ConfigError(f"stream.sizes: {list(size)}: must be a width and a height, multiples of {unit}")
        if self.sizes and (self.width, self.height) not in self.sizes:
            raise ConfigError(f"stream.sizes: {self.width}x{self.height}, the preset's default, is not among them")
        checked_buckets(self.buckets, self.block_tokens)
        if self.window_frames < self.block_frames:
            raise ConfigError(
                f"stream.window_frames = {self.window_frames}: less than block_frames {self.block_frames}"
            )

    @property
    def frames_per_block(self) -> int:
        return self.frames_per_latent * self.block_frames

    @property
    def latent_height(self) -> int:
        return self.height // self.stride

    @property
    def latent_width(self) -> int:
        return self.width // self.stride

    @property
    def token_size(self) -> int:
        """Pixels per row or column of tokens."""
        return self.stride * self.patch

    @property
    def rows(self) -> int:
        return self.latent_height // self.patch

    @property
    def cols(self) -> int:
        return self.latent_width // self.patch

    @property
    def tokens_per_frame(self) -> int:
        return self.rows * self.cols

    @property
    def block_tokens(self) -> int:
        return self.block_frames * self.tokens_per_frame


def resolve_stream(section: StreamSection, codec: CodecConfig, transformer: TransformerConfig) -> StreamConfig:
    """All sizes of a preset's streams. Raises `ConfigError` where they do not fit each other."""
    return StreamConfig(
        **msgspec.structs.asdict(section),
        frames_per_latent=codec.frames_per_latent,
        stride=codec.stride,
        patch=transformer.patch,
    )


Prediction = Literal["flow", "x0", "residual"]


class ScheduleConfig(ConfigStruct, frozen=True, kw_only=True):
    """Flow-matching schedule: step k has sigma = shift u / (1 + (shift - 1) u), u = k / train_steps."""

    steps: tuple[int, ...] = (400, 350, 250)
    shift: PositiveFloat = 5.0
    train_steps: Positive = 1000
    prediction: Prediction = "flow"
    data_std: PositiveFloat = 1.0  # of latents, to which a residual is added
    noise: Literal["per_block", "fixed"] = "per_block"  # fixed: one draw for all latent frames

    def sigma(self, step: float) -> float:
        """Sigma in [0, 1] of denoising step `step` (Self-Forcing's numbering, 0 to train_steps)."""
        u = step / self.train_steps
        return self.shift * u / (1 + (self.shift - 1) * u)


class LoraConfig(ConfigStruct, frozen=True, kw_only=True):
    """A LoRA file that is merged into the transformer."""

    file: str
    scale: Annotated[float, Meta(ge=-10, le=10)] = 1.0


class WeightsConfig(ConfigStruct, frozen=True, kw_only=True):
    """Checkpoint files. Relative paths are below the weights folder, `bundled:` ones in the package."""

    transformer: str
    codec: str
    text: str
    loras: tuple[LoraConfig, ...] = ()


class PresetStyle(ConfigStruct, frozen=True, kw_only=True):
    """A named prompt that the preset's model was trained or tested with."""

    name: str
    prompt: str

    @property
    def slug(self) -> str:
        """The name for files and addresses: lower case, with hyphens."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


AttentionName = Literal["auto", "pytorch", "cudnn", "flash", "flash-attn-2", "flash-attn-3", "flash-attn-4", "sage"]


class Preset(ConfigStruct, frozen=True, kw_only=True):
    """A complete, runnable configuration."""

    name: str
    description: str
    vocabulary_note: str = ""
    device: Literal["cpu", "cuda"]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]  # auto: chosen for the device (precision.py)
    attention: AttentionName = "auto"  # on a GPU: its implementation; auto: the GPU's best that passes its check
    fp16_accumulation: bool = False  # on a GPU, float16 products summed in float16: faster on GeForce, less exact
    fp8_linears: bool = False  # the transformer's matrix products in 8-bit floating point: faster, less exact
    stream: StreamConfig
    codec: CodecConfig
    transformer: TransformerConfig
    schedule: ScheduleConfig
    text: TextConfig
    weights: WeightsConfig
    pruning: Pruning
    live_pruning: Pruning
    smoothing: Smoothing = 0.0  # initial value of the live parameter
    styles: tuple[PresetStyle, ...] = ()

    def __post_init__(self) -> None:
        if self.transformer.channels != self.codec.channels:
            raise ConfigError(
                f"transformer.channels = {self.transformer.channels}: differs from the codec's {self.codec.channels}"
            )
        layout = self.stream.frames_per_latent, self.stream.stride, self.stream.patch
        needed = self.codec.frames_per_latent, self.codec.stride, self.transformer.patch
        if layout != needed:
            raise ConfigError(f"stream: frames per latent, stride and patch are {layout}, the networks have {needed}")
        if not self.styles:
            raise ConfigError("styles: a preset needs at least one")


def load_preset(name_or_path: str | Path) -> Preset:
    """`lipar_core.presets.load_preset`, for scripts outside this repository, which import it from here."""
    from lipar_core import presets

    return presets.load_preset(name_or_path)
