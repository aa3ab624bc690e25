"""Prompts to embeddings, each encoded once: shared by the sessions of a process and safe to call from its threads."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

from torch import Tensor

from lipar_core.text_encoder import TextEncoder

MAX_PROMPTS = 32  # UMT5's embedding of one takes 4 MB


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Embedding:
    """What cross-attention reads of a prompt, and how much of the prompt that is."""

    context: Tensor  # [text_length, text_dim]
    used: int  # tokens that the encoder takes
    given: int  # tokens that the prompt has: more than `used` where its end is not read


class PromptCache:
    """The embeddings of the prompts that were used last, and of those that somebody holds on to."""

    def __init__(self, encoder: TextEncoder, max_prompts: int = MAX_PROMPTS) -> None:
        self.encoder, self.max_prompts = encoder, max_prompts
        self._embeddings: OrderedDict[str, Embedding] = OrderedDict()
        self._held: WeakValueDictionary[str, Embedding] = WeakValueDictionary()
        self.slowest_s = 0.0  # that a prompt has taken so far
        self._lock = threading.Lock()  # of the dictionaries
        self._encoding = threading.Lock()  # one prompt at a time: who waits finds what the other has encoded

    def get(self, prompt: str) -> Embedding | None:
        """The embedding where it is there already."""
        with self._lock:
            embedding = self._embeddings.get(prompt) or self._held.get(prompt)
            if embedding is not None:
                self._keep(prompt, embedding)
            return embedding

    def encode(self, prompt: str) -> Embedding:
        """The embedding, encoded now where it is not there yet: seconds for a large encoder on a CPU."""
        if (found := self.get(prompt)) is not None:
            return found
        with self._encoding:
            if (found := self.get(prompt)) is not None:
                return found
            began = time.perf_counter()
            embedding = Embedding(self.encoder.encode(prompt), *self.encoder.count(prompt))
            self.slowest_s = max(self.slowest_s, time.perf_counter() - began)
            with self._lock:
                self._keep(prompt, embedding)
            return embedding

    def _keep(self, prompt: str, embedding: Embedding) -> None:
        """As the one that was used last."""
        self._held[prompt] = self._embeddings[prompt] = embedding
        self._embeddings.move_to_end(prompt)
        if len(self._embeddings) > self.max_prompts:
            self._embeddings.popitem(last=False)
