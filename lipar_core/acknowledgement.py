"""The answer to a change of live parameters: one shape from the engine over the wire to clients."""

import msgspec

from lipar_core.parameters import Parameters


class PromptTokens(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a prompt the text encoder reads."""

    used: int
    given: int  # more than `used` if the end of the prompt is not read
    unknown_words: tuple[str, ...] = ()  # not in the vocabulary of a small model: they change little or nothing


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """From which block a change applies."""

    block: int
    parameters: Parameters  # all of them, with the change
    pending: bool  # while paused: it applies when the stream resumes
    prompt_tokens: PromptTokens | None = None  # None until the prompt has been encoded
