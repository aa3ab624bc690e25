"""Options that the web process passes to a model process."""

from dataclasses import dataclass

from lipar_core.kinds.text import TextDtype


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """Which model a model process runs, and how; None: as the preset says."""

    preset: str
    device: str  # cpu, cuda or cuda:N
    size: str | None = None  # WIDTHxHEIGHT
    dtype: str | None = None
    text_dtype: TextDtype | None = None  # of the text encoder's weights
    threads: int | None = None  # None: PyTorch's choice
