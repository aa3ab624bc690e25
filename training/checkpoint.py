"""Files that a stopped run goes on from."""

import os
from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all: a run can be stopped at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any] | None:
    """The state, or None where the run has not begun."""
    return torch.load(path, weights_only=True) if path.is_file() else None
