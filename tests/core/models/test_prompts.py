"""Prompts are encoded once while they are in the LRU cache."""

import torch

from lipar_core.models.prompts import PromptCache


class Counting:
    """A text encoder that counts its calls."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, prompt: str) -> torch.Tensor:
        self.encoded.append(prompt)
        return torch.zeros(1)

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        return min(len(prompt), 3), len(prompt)

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        return tuple(prompt[:1])


def test_switching_styles_back_and_forth_encodes_each_once():
    encoder = Counting()
    prompts = PromptCache(encoder)
    for prompt in ("a", "b", "a", "b", "a"):
        prompts.encode(prompt)
    assert encoder.encoded == ["a", "b"]


def test_the_prompt_used_longest_ago_is_forgotten():
    encoder = Counting()
    prompts = PromptCache(encoder, max_prompts=2)
    for prompt in ("a", "b", "a", "c", "a", "b"):
        prompts.encode(prompt)
    assert encoder.encoded == ["a", "b", "c", "b"]
    assert prompts.get("c") is None


def test_a_referenced_embedding_is_not_evicted():
    encoder = Counting()
    prompts = PromptCache(encoder, max_prompts=1)
    held = prompts.encode("a")
    for prompt in ("b", "c", "a", "b", "a"):
        prompts.encode(prompt)
    assert prompts.get("a") is held
    assert encoder.encoded == ["a", "b", "c", "b"]


def test_tokens_of_a_prompt_are_counted():
    tokens = PromptCache(Counting()).encode("abcde").tokens
    assert (tokens.used, tokens.given, tokens.unknown_words) == (3, 5, ("a",))
