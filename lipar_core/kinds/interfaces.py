"""Interfaces of the configurations of codecs, transformers and text encoders."""

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
        """Channels of a latent frame."""

    @property
    def lag_frames(self) -> int:
        """Raw frame r of the decoder shows source frame r - lag_frames."""


@runtime_checkable
class TransformerConfig(Protocol):
    """The shapes of a denoiser's inputs and of its KV cache."""

    kind: ClassVar[str]

    @property
    def channels(self) -> int:
        """Channels of the latents, in and out."""

    @property
    def patch(self) -> int:
        """Latent rows and columns of a token."""

    @property
    def text_length(self) -> int:
        """Number of vectors of a prompt's embedding."""

    @property
    def text_dim(self) -> int:
        """Size of each vector of a prompt's embedding."""

    @property
    def layers(self) -> int:
        """Number of layers, each of which caches keys and values."""

    @property
    def heads(self) -> int:
        """Number of heads of a cached key."""

    @property
    def head_dim(self) -> int:
        """Size of a head; even, because keys are rotated in pairs."""


@runtime_checkable
class TextConfig(Protocol):
    """A text encoder."""

    kind: ClassVar[str]

    def missing_parts(self, path: Path) -> list[str]:
        """The parts missing in the existing file or folder `path`, one line each."""

    def runs_on_gpu(self, gpu_bytes: int) -> bool:
        """Whether it is loaded to the preset's GPU of `gpu_bytes` memory rather than to the CPU."""

    def memory_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """Estimate of its weights in memory; `path` may be missing."""

    def disk_bytes(self, path: Path, transformer: TransformerConfig) -> int:
        """Estimate of what is still to be written: the checkpoint if it is missing, and a conversion of it."""
