"""Several prompts whose embeddings are mixed, as a live parameter."""

from collections.abc import Sequence
from typing import Annotated

from lipar_core.errors import ParameterError
from lipar_core.fields import describe
from lipar_core.parsing import NOT_UNICODE, ConfigStruct

MAX_PROMPTS = 4


class WeightedPrompt(ConfigStruct, frozen=True, kw_only=True):
    """One of the prompts. What counts is its weight's ratio of the sum of all weights."""

    text: Annotated[str, describe("Prompt", "describes the edited picture", min_length=1, max_length=2000)]
    weight: Annotated[float, describe("Weight", "of this prompt's embedding in the mix", ge=0, le=1)] = 1.0


def check_text(path: str, text: str) -> None:
    """Raises `ParameterError`."""
    if not text.strip():
        raise ParameterError(path, text, "must hold more than white space")
    if any("\ud800" <= character <= "\udfff" for character in text):  # valid in JSON, not in UTF-8
        raise ParameterError(path, ascii(text), NOT_UNICODE)


def check_prompts(prompts: Sequence[WeightedPrompt]) -> None:
    """Raises `ParameterError`."""
    for i, prompt in enumerate(prompts):
        check_text(f"prompts[{i}].text", prompt.text)
    if not any(prompt.weight for prompt in prompts):
        raise ParameterError("prompts", [prompt.weight for prompt in prompts], "must have a weight above 0")


def normalised(prompts: Sequence[WeightedPrompt]) -> tuple[WeightedPrompt, ...]:
    """The same mix with weights that sum to 1, without prompts of weight 0; equal mixes are equal values."""
    total = sum(prompt.weight for prompt in prompts)
    return tuple(WeightedPrompt(text=p.text, weight=p.weight / total) for p in prompts if p.weight)
