"""Mixes the embeddings of several prompts."""

from collections.abc import Sequence

from torch import Tensor

from lipar_core.acknowledgement import PromptTokens
from lipar_core.models.prompts import PromptCache, PromptEmbedding
from lipar_core.weighted_prompt import WeightedPrompt, normalised


def mixed_context(prompts: PromptCache, weighted: Sequence[WeightedPrompt]) -> Tensor:
    """The weighted mean of the prompts' contexts [text_length, text_dim]; encodes those that are not cached.

    The tiny model is trained on such means of two prompts (`training/rollout.py`).
    """
    first, *others = normalised(weighted)
    context = prompts.encode(first.text).context
    if not others:
        return context
    mean = context.float() * first.weight  # in float32: 16 bits would round each term
    for other in others:
        mean += prompts.encode(other.text).context.float() * other.weight
    return mean.to(context.dtype)


def cached_embeddings(prompts: PromptCache, texts: Sequence[str]) -> list[PromptEmbedding] | None:
    """The embeddings of all texts; None if one is not cached."""
    found = [prompts.get(text) for text in texts]
    present = [embedding for embedding in found if embedding is not None]
    return present if len(present) == len(found) else None


def total_tokens(embeddings: Sequence[PromptEmbedding]) -> PromptTokens:
    """Sums over several prompts."""
    words = [word for embedding in embeddings for word in embedding.tokens.unknown_words]
    return PromptTokens(
        used=sum(embedding.tokens.used for embedding in embeddings),
        given=sum(embedding.tokens.given for embedding in embeddings),
        unknown_words=tuple(dict.fromkeys(words)),
    )
