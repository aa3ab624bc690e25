"""What the configuration of every kind of codec, transformer and text encoder provides."""

from pathlib import Path
from typing import Annotated, ClassVar, Protocol, runtime_checkable

from msgspec import Meta

Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
PositiveFloat = Annotated[float, Meta(gt=0, le=1000)]


@runtime_checkable
class CodecConfig(Protocol):
    """The layout of a video autoencoder's latents."""

    kind: ClassVar[str]

    @property
    def frames_per_latent(self) -> int:
        """Frames that one latent frame stands for."""

    @property
    def stride(self) -> int:
        """Pixels per latent row or column."""

    @property
    def channels(self) -> int:
        """Of a latent frame."""

    @property
    def lag_frames(self) -> int:
        """Raw frame r of the decoder shows source frame r - lag_frames."""


@runtime_checkable
class TransformerConfig(Protocol):
    """The shapes of a denoiser's inputs and of its KV cache."""

    kind: ClassVar[str]

    @property
    def channels(self) -> int:
        """Of the latents, in and out."""

    @property
    def patch(self) -> int:
        """Latent rows and columns of a token."""

    @property
    def text_length(self) -> int:
        """Vectors of a prompt's embedding."""

    @property
    def text_dim(self) -> int:
        """Values of each of them."""

    @property
    def layers(self) -> int:
        """That cache keys and values."""

    @property
    def heads(self) -> int:
        """Of a cached key."""

    @property
    def head_dim(self) -> int:
        """Of a head; even, because keys are rotated in pairs."""


@runtime_checkable
class TextConfig(Protocol):
    """A text encoder."""

    kind: ClassVar[str]

    def missing_parts(self, path: Path) -> list[str]:
        """What the existing file or folder `path` lacks to be loaded, one line each."""

    def runs_on_gpu(self, gpu_bytes: int) -> bool:
        """Whether it is loaded to the preset's GPU, which has so much memory, rather than to the CPU."""

    def memory_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """Estimate of its weights in memory; `path` may be missing."""
