"""Exports all networks of the tiny preset to one file: float16, published key names."""

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from training.rollout import Editor


def export(editor: Editor, path: Path, notes: dict[str, object]) -> None:
    """Write a bundle that `lipar_core.checkpoints.weights` reads, with `notes` on its training."""
    parts: dict[str, Tensor] = {}
    for name, value in editor.codec.state_dict().items():
        parts[f"decoder.{name}" if name.startswith("renderer.") else name] = value
    parts |= {f"model.{name}": value for name, value in editor.dit.state_dict().items()}
    parts |= {f"text.{name}": value for name, value in editor.text.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    halves = {name: value.half().contiguous() for name, value in parts.items()}
    save_file(halves, path, {"training": json.dumps(notes, sort_keys=True)})
