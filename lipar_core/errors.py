"""Errors meant for the user: their text is one line that says what was given and what is allowed."""


class LiparError(ValueError):
    """Base of every error that a user can cause and fix."""


class ParameterError(LiparError):
    """A live parameter was rejected; nothing was changed."""

    def __init__(self, path: str, value: object, allowed: str) -> None:
        shown = repr(value)
        if len(shown) > 60:
            shown = f"{shown[:57]}..."
        super().__init__(f"{path} = {shown}: {allowed}")
        self.path = path
        self.value = value
        self.allowed = allowed


class ConfigError(LiparError):
    """A preset is unknown or malformed."""


class CheckpointError(LiparError):
    """A checkpoint is missing, unreadable, or does not fit the model."""


def one_line(error: BaseException) -> str:
    """The error's message without line breaks; empty if it has none."""
    return " ".join(str(error).split())
