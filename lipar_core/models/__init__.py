"""The networks, their loading and the prompt cache; no stream state."""

from lipar_core.models.loading import load_models

__all__ = ["load_models"]
