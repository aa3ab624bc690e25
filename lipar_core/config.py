"""A preset's configuration: frozen structs, read from YAML, checked once. All other sizes are derived."""

import math
from typing import Annotated, Literal

from msgspec import Meta

from lipar_core.errors import ConfigError
from lipar_core.parameters import Pruning
from lipar_core.parsing import ConfigStruct

FRAMES_PER_LATENT = 4  # TAEHV: 4 frames -> 1 latent frame
CODEC_STRIDE = 8  # pixels per latent row or column
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
PositiveFloat = Annotated[float, Meta(gt=0, le=1000)]


class StreamConfig(ConfigStruct, frozen=True, kw_only=True):
    """Sizes of the picture, the block and the KV cache."""

    width: Positive = 832  # pixels
    height: Positive = 480
    sizes: tuple[tuple[int, int], ...] = ()  # (width, height) that the weights support; (): only the one above
    block_frames: Positive = 3  # latent frames denoised together
    sink_frames: Annotated[int, Meta(ge=0, le=1000)] = 1  # first latent frames, pinned in the cache
    window_frames: Positive = 8  # newest latent frames cached, the current block included
    rope_cap_frames: Positive = 21  # latent frames of a training clip: positions stop growing there
    patch: Positive = 2  # latent rows and columns of a token
    restore_from: Literal["previous_frame", "previous_block"] = "previous_frame"

    def __post_init__(self) -> None:
        unit = CODEC_STRIDE * self.patch
        for name in ("width", "height"):
            if getattr(self, name) % unit:
                raise ConfigError(f"stream.{name} = {getattr(self, name)}: must be a multiple of {unit}")
        for size in self.sizes:
            if min(size) < unit or any(side % unit for side in size):
                raise ConfigError(f"stream.sizes: {list(size)}: must be a width and a height, multiples of {unit}")
        if self.sizes and (self.width, self.height) not in self.sizes:
            raise ConfigError(f"stream.sizes: {self.width}x{self.height}, the preset's default, is not among them")
        if self.window_frames < self.block_frames:
            raise ConfigError(
                f"stream.window_frames = {self.window_frames}: less than block_frames {self.block_frames}"
            )

    @property
    def frames_per_block(self) -> int:
        return FRAMES_PER_LATENT * self.block_frames

    @property
    def latent_height(self) -> int:
        return self.height // CODEC_STRIDE

    @property
    def latent_width(self) -> int:
        return self.width // CODEC_STRIDE

    @property
    def rows(self) -> int:
        return self.latent_height // self.patch

    @property
    def cols(self) -> int:
        return self.latent_width // self.patch

    @property
    def tokens_per_frame(self) -> int:
        return self.rows * self.cols


class CodecConfig(ConfigStruct, frozen=True, kw_only=True):
    """TAEHV's layout. The defaults are the published checkpoint's."""

    latent_channels: Positive = 16
    unshuffle: Positive = 1  # pixel unshuffle before the encoder, shuffle after the decoder
    latent_bound: PositiveFloat = 3.0  # the decoder squashes latents to (-bound, bound)
    lag_frames: Annotated[int, Meta(ge=0, le=3)] = 3  # raw frame r of the decoder shows source frame r - lag
    memblocks: Positive = 3  # per stage
    encoder_width: Positive = 64
    encoder_time: tuple[int, ...] = (2, 2, 1)
    encoder_space: tuple[int, ...] = (2, 2, 2)
    decoder_widths: tuple[int, ...] = (256, 128, 64, 64)
    decoder_time: tuple[int, ...] = (1, 2, 2)
    decoder_space: tuple[int, ...] = (2, 2, 2)
    code_channels: Annotated[int, Meta(ge=0, le=64)] = 0  # extra latent channels that condition the renderer
    renderer_width: Annotated[int, Meta(ge=0, le=512)] = 0  # channels; 0: no renderer, the published layout
    renderer_depth: Positive = 3  # residual convolutions

    def __post_init__(self) -> None:
        for side in ("encoder", "decoder"):
            time = getattr(self, f"{side}_time")
            space = getattr(self, f"{side}_space")
            if math.prod(time) != FRAMES_PER_LATENT:
                raise ConfigError(f"codec.{side}_time = {time}: must multiply to {FRAMES_PER_LATENT}")
            if math.prod(space) * self.unshuffle != self.stride:
                raise ConfigError(f"codec.{side}_space = {space}: encoder and decoder must have the same stride")
            if len(time) != len(space):
                raise ConfigError(f"codec.{side}: {len(time)} time strides but {len(space)} space strides")
        if bool(self.code_channels) != bool(self.renderer_width):
            raise ConfigError(
                f"codec.code_channels = {self.code_channels}, codec.renderer_width = {self.renderer_width}: "
                "both or neither must be 0, the code conditions the renderer"
            )
        if len(self.decoder_widths) != len(self.decoder_time) + 1:
            raise ConfigError(
                f"codec.decoder_widths: {len(self.decoder_widths)} given, {len(self.decoder_time) + 1} needed"
            )

    @property
    def channels(self) -> int:
        """Of a latent frame: the picture's, then the code's."""
        return self.latent_channels + self.code_channels

    @property
    def stride(self) -> int:
        """Pixels per latent row or column."""
        return math.prod(self.encoder_space) * self.unshuffle


class TransformerConfig(ConfigStruct, frozen=True, kw_only=True):
    """The causal Wan transformer. The defaults are Wan 2.1 T2V 1.3B."""

    dim: Positive = 1536
    ffn_dim: Positive = 8960
    heads: Positive = 12
    layers: Positive = 30
    channels: Positive = 16  # of the latents, in and out
    patch: Positive = 2
    text_dim: Positive = 4096
    text_length: Positive = 512
    time_dim: Positive = 256  # sinusoidal features of the timestep
    eps: PositiveFloat = 1e-6
    qk_norm: bool = True
    cross_attn_norm: bool = True

    def __post_init__(self) -> None:
        if self.dim % self.heads or (self.dim // self.heads) % 2:
            raise ConfigError(f"transformer.dim = {self.dim}: must be {self.heads} heads of an even size")

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    @property
    def patch_dim(self) -> int:
        return self.channels * self.patch**2


Prediction = Literal["flow", "x0", "residual"]


class ScheduleConfig(ConfigStruct, frozen=True, kw_only=True):
    """Flow-matching schedule: step k has sigma = shift u / (1 + (shift - 1) u), u = k / train_steps."""

    steps: tuple[int, ...] = (400, 350, 250)
    shift: PositiveFloat = 5.0
    train_steps: Positive = 1000
    prediction: Prediction = "flow"

    def sigma(self, step: float) -> float:
        """Sigma in [0, 1] of denoising step `step` (Self-Forcing's numbering, 0 to train_steps)."""
        u = step / self.train_steps
        return self.shift * u / (1 + (self.shift - 1) * u)


class TextConfig(ConfigStruct, frozen=True, kw_only=True):
    """Which text encoder turns a prompt into `text_length` vectors."""

    kind: Literal["umt5", "hashed", "precomputed"] = "umt5"  # precomputed: a file written by `lipar embed`
    device: Literal["auto", "same", "cpu"] = "same"  # auto: the GPU if it has room for both
    buckets: Positive = 4096  # hashed: rows of the embedding table
    dim: Positive = 64  # hashed: width of an embedding


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


class Preset(ConfigStruct, frozen=True, kw_only=True):
    """A complete, runnable configuration."""

    name: str
    description: str
    vocabulary_note: str = ""
    device: Literal["cpu", "cuda"]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]  # auto: the fastest on this CPU (precision.py)
    stream: StreamConfig
    codec: CodecConfig
    transformer: TransformerConfig
    schedule: ScheduleConfig
    text: TextConfig
    weights: WeightsConfig
    pruning: Pruning
    live_pruning: Pruning
    styles: tuple[PresetStyle, ...] = ()

    def __post_init__(self) -> None:
        if self.transformer.channels != self.codec.channels:
            raise ConfigError(
                f"transformer.channels = {self.transformer.channels}: differs from "
                f"codec.latent_channels + codec.code_channels = {self.codec.channels}"
            )
        if self.codec.stride != CODEC_STRIDE:
            raise ConfigError(f"codec: unshuffle x space strides is {self.codec.stride}, must be {CODEC_STRIDE}")
        if self.transformer.patch != self.stream.patch:
            raise ConfigError(
                f"transformer.patch = {self.transformer.patch}: differs from stream.patch {self.stream.patch}"
            )
        if not self.styles:
            raise ConfigError("styles: a preset needs at least one")
