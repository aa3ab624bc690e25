"""What every kind of codec, denoiser and text encoder does. Networks hold no stream state: it comes in and goes out."""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from lipar_core.kinds.interfaces import TransformerConfig
from lipar_core.rope import RotaryTable

CodecState = Any  # of a codec's encoder or decoder between two calls; None at a stream's start
Modulation = Any  # what a denoiser computes of a timestep: tensors, in tuples, lists, dataclasses
TextKV = Any  # what a denoiser computes of a prompt's embedding, in the same form


class LatentArea(NamedTuple):
    """A rectangle of a latent frame."""

    top: int  # rows from here
    bottom: int  # to here, exclusive
    left: int  # columns
    right: int


class Codec(Protocol):
    """A causal video autoencoder. Streaming equals batch."""

    def encode(self, frames: Tensor, state: CodecState = None) -> tuple[Tensor, CodecState]:
        """frames [B, N, 3, H, W] in [0, 1], any N -> the latents [B, F, C, h, w] that they complete; the next state."""

    def decode(
        self, latents: Tensor, state: CodecState = None, area: LatentArea | None = None
    ) -> tuple[Tensor, CodecState]:
        """latents [B, F, C, h, w] -> raw frames [B, F * frames_per_latent, 3, H, W], not clamped; the next state.

        Raw frame r shows source frame r - lag_frames; the first `lag_frames` of a stream have no content.
        area: only the pixels of these latents are shown (None: all); the others may lack detail, not the next state.
        """

    def picture(self, latents: Tensor) -> Tensor:
        """latents [..., C, h, w] without the channels that `encode` leaves empty."""


class CacheView(Protocol):
    """The KV cache as a layer's self-attention sees it in one pass.

    It also has the keys and values of tokens that are not computed.
    """

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Store k, v [..., K, H, D] of the computed tokens, k un-rotated; called once per layer, in order.

        Returns all keys and values to attend to, rotated [..., L, H, D], and which are present [L] (None: all).
        """


class Denoiser(Protocol):
    """A causal transformer that computes the tokens that are kept, in blocks of latent frames.

    The KV cache has the sizes of its configuration. What depends only on a timestep or a prompt is computed once.
    """

    @property
    def config(self) -> TransformerConfig: ...

    def rotary_table(self, rows: int, cols: int, device: torch.device) -> RotaryTable:
        """Rotary factors of a latent frame of rows x cols tokens; the cache rotates keys by them."""

    def modulation(self, timestep: float) -> Modulation:
        """timestep: 0 for the clean pass."""

    def text_kv(self, context: Tensor) -> TextKV:
        """context [text_length, text_dim] of the text encoder."""

    def __call__(
        self,
        tokens: Tensor,
        modulation: Modulation,
        rotary: Tensor,
        text: TextKV,
        cache: CacheView,
        out: Tensor | None = None,
    ) -> Tensor:
        """A denoising step: noisy tokens [K, P], rotary [K, D] of each -> prediction [K, P], in `out` if given.

        P = channels x patch x patch, in (channel, row, column) order. A token's result must depend on other tokens
        only through `cache`: then keeping every token is the unpruned model.
        """

    def fill_cache(
        self, tokens: Tensor, modulation: Modulation, rotary: Tensor, text: TextKV, cache: CacheView
    ) -> None:
        """The clean pass of finished tokens: `cache` is updated with every layer's keys and values."""


class TextEncoder(Protocol):
    """Encodes a prompt for cross-attention."""

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]."""

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are encoded, and how many it has."""

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """The words of the prompt that the encoder was not trained on; () if it was trained on whole languages."""
