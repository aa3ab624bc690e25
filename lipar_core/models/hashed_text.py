"""The tiny model's text encoder: hashed words and character trigrams, pooled by learned queries."""

import zlib

import torch
from torch import Tensor, nn

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.config import Preset
from lipar_core.kinds.text import HashedConfig
from lipar_core.models.vocabulary import Vocabulary, read_vocabulary, trigrams, words_of
from lipar_core.weight_files import locate

MAX_WORDS = 64  # later words of a prompt are ignored


class HashedTextEncoder(nn.Module):
    """Embeds a word as the mean of its hashed trigrams, so that unseen spellings stay near known ones."""

    def __init__(
        self, config: HashedConfig, text_length: int, text_dim: int, vocabulary: Vocabulary | None = None
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.buckets = config.buckets
        self.embedding = nn.Embedding(config.buckets, config.dim)
        self.key = nn.Linear(config.dim, config.dim)
        self.queries = nn.Parameter(torch.empty(text_length, config.dim))
        nn.init.normal_(self.queries, std=config.dim**-0.5)
        self.out = nn.Sequential(nn.Linear(config.dim, text_dim), nn.GELU(), nn.Linear(text_dim, text_dim))

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]."""
        with torch.inference_mode():
            out: Tensor = self([prompt])[0]
        return out

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        """How many words of the prompt are encoded, and how many it has."""
        total = len(words_of(prompt))
        return min(total, MAX_WORDS), total

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """The encoded words that it was not trained on."""
        return () if self.vocabulary is None else self.vocabulary.unknown(words_of(prompt)[:MAX_WORDS])

    def forward(self, prompts: list[str]) -> Tensor:
        """prompts -> [B, text_length, text_dim]."""
        return torch.stack([self._pool(prompt) for prompt in prompts])

    def _pool(self, prompt: str) -> Tensor:
        words = words_of(prompt)[:MAX_WORDS] or [""]
        device = self.queries.device
        pieces = [torch.tensor(_buckets(word, self.buckets), device=device) for word in words]
        vectors = torch.stack([self.embedding(piece).mean(dim=0) for piece in pieces])  # [words, dim]
        scores = self.queries @ self.key(vectors).T / vectors.shape[-1] ** 0.5
        return self.out(scores.softmax(dim=-1) @ vectors)  # type: ignore[no-any-return]


def load_hashed(config: HashedConfig, preset: Preset, device: torch.device) -> HashedTextEncoder:
    """In float32: it is small, and runs once per prompt. Raises `CheckpointError`."""
    vocabulary = None if config.words is None else read_vocabulary(locate(config.words))
    with MetaDevice():
        encoder = HashedTextEncoder(config, preset.transformer.text_length, preset.transformer.text_dim, vocabulary)
    load_network(encoder, locate(preset.weights.text), "text", device, torch.float32)
    return encoder


def _buckets(word: str, count_tokens: int) -> list[int]:
    """Embedding rows of a word and its trigrams; the same on every machine."""
    return [zlib.crc32(piece.encode()) % count_tokens for piece in (word, *trigrams(word))]
