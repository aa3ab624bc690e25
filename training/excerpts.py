"""The training frames, decoded once into one memory-mapped file."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from training import checkpoint
from training.media import Clip

LOG_EVERY = 50  # excerpts


def load_excerpts(clips: Iterable[tuple[str, Clip]], folder: Path) -> list[Clip]:
    """The frames of all excerpts [N, H, W, 3]: decoded on the first call, then mapped from `folder`."""
    table, pixels = folder / "excerpts.pt", folder / "excerpts.bin"
    if checkpoint.load(table) is None:
        checkpoint.save(table, {"shapes": _write(clips, pixels)})
    state = checkpoint.load(table)
    assert state is not None
    flat = np.memmap(pixels, dtype=np.uint8, mode="r")
    at = 0
    excerpts = []
    for shape in state["shapes"]:
        size = int(np.prod(shape))
        excerpts.append(flat[at : at + size].reshape(shape))
        at += size
    return excerpts


def _write(clips: Iterable[tuple[str, Clip]], path: Path) -> list[list[int]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    shapes = []
    with part.open("wb") as file:
        for number, (name, clip) in enumerate(clips):
            if number % LOG_EVERY == 0:
                print(f"excerpt {number}: {name}", flush=True)
            file.write(np.ascontiguousarray(clip).data)
            shapes.append(list(clip.shape))
    os.replace(part, path)
    return shapes
