"""Cache of prompt embeddings, shared by the sessions of a process; thread-safe."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

from torch import Tensor

from lipar_core.acknowledgement import PromptTokens
from lipar_core.models.interfaces import TextEncoder

MAX_PROMPTS = 32  # UMT5's embedding of one takes 4 MB


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PromptEmbedding:
    """A prompt's embedding for cross-attention, and how many of its tokens were encoded."""

    context: Tensor  # [text_length, text_dim]
    tokens: PromptTokens


class PromptCache:
    """LRU cache of embeddings; also finds evicted ones that are still referenced."""

    def __init__(self, encoder: TextEncoder, max_prompts: int = MAX_PROMPTS) -> None:
        self.encoder = encoder
        self.max_prompts = max_prompts
        self._embeddings: OrderedDict[str, PromptEmbedding] = OrderedDict()
        self._referenced: WeakValueDictionary[str, PromptEmbedding] = WeakValueDictionary()
        self.max_encode_s = 0.0  # longest time that encoding a prompt took
        self._lock = threading.Lock()  # guards the dictionaries
        self._encode_lock = threading.Lock()  # one prompt at a time: a waiting thread finds the result cached

    def get(self, prompt: str) -> PromptEmbedding | None:
        """The cached embedding, or None."""
        with self._lock:
            embedding = self._embeddings.get(prompt) or self._referenced.get(prompt)
            if embedding is not None:
                self._store(prompt, embedding)
            return embedding

    def encode(self, prompt: str) -> PromptEmbedding:
        """The embedding; encodes it if it is not cached, which takes seconds for a large encoder on a CPU."""
        if (cached := self.get(prompt)) is not None:
            return cached
        with self._encode_lock:
            if (cached := self.get(prompt)) is not None:
                return cached
            started = time.perf_counter()
            embedding = PromptEmbedding(self.encoder.encode(prompt), self._tokens(prompt))
            self.max_encode_s = max(self.max_encode_s, time.perf_counter() - started)
            with self._lock:
                self._store(prompt, embedding)
            return embedding

    def _tokens(self, prompt: str) -> PromptTokens:
        used, given = self.encoder.count_tokens(prompt)
        return PromptTokens(used=used, given=given, unknown_words=self.encoder.unknown_words(prompt))

    def _store(self, prompt: str, embedding: PromptEmbedding) -> None:
        """Insert as most recently used."""
        self._referenced[prompt] = self._embeddings[prompt] = embedding
        self._embeddings.move_to_end(prompt)
        if len(self._embeddings) > self.max_prompts:
            self._embeddings.popitem(last=False)
