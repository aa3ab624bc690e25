"""Latents of every excerpt under every style, computed once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lipar_core.taehv import TAEHV
from training import checkpoint
from training.codec import as_tensor
from training.media import Clip
from training.styles import STYLES, apply


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One clip's latents, float16 [styles, F, C, h, w], styles in the order of `STYLES`; "none" is the source."""

    latents: Tensor

    def source(self) -> Tensor:
        return self.latents[list(STYLES).index("none")]


@torch.inference_mode()
def encode_all(codec: TAEHV, clips: Iterable[tuple[str, Clip]], path: Path) -> list[Excerpt]:
    """Encode, or read back from `path`."""
    if state := checkpoint.load(path):
        return [Excerpt(latents) for latents in state["latents"]]
    done: list[Tensor] = []
    for number, (name, clip) in enumerate(clips):
        styled = [codec.encode(as_tensor(apply(style, clip))[None])[0][0].half() for style in STYLES]
        done.append(torch.stack(styled))
        if number % 25 == 0:
            print(f"latents of excerpt {number}: {name}", flush=True)
    checkpoint.save(path, {"latents": done})
    return [Excerpt(latents) for latents in done]
