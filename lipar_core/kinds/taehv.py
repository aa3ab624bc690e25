"""Configuration of TAEHV, a tiny causal video autoencoder (`lipar_core/models/taehv.py`)."""

import math
from typing import Annotated, ClassVar

from msgspec import Meta

from lipar_core.errors import ConfigError
from lipar_core.kinds.interfaces import Positive, PositiveFloat
from lipar_core.parsing import ConfigStruct


class TAEHVConfig(ConfigStruct, frozen=True, kw_only=True):
    """TAEHV's layout. The defaults are the published checkpoint's."""

    kind: ClassVar[str] = "taehv"

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
    code_channels: Annotated[int, Meta(ge=0, le=64)] = 0  # extra latent channels, one for each renderer
    renderer_width: Annotated[int, Meta(ge=0, le=512)] = 0  # channels; 0: no renderer, the published layout
    renderer_depth: Positive = 3  # residual convolutions

    def __post_init__(self) -> None:
        for side in ("encoder", "decoder"):
            time = getattr(self, f"{side}_time")
            space = getattr(self, f"{side}_space")
            if math.prod(time) != self.frames_per_latent:
                raise ConfigError(f"codec.{side}_time = {time}: encoder and decoder must have the same frame rate")
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
        """Channels of a latent frame: the picture's, then the code's."""
        return self.latent_channels + self.code_channels

    @property
    def frames_per_latent(self) -> int:
        return math.prod(self.encoder_time)

    @property
    def stride(self) -> int:
        """Pixels per latent row or column."""
        return math.prod(self.encoder_space) * self.unshuffle
