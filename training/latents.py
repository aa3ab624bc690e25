"""Latents of every excerpt under every style, computed once."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lipar_cli.evaluation.styles import STYLES, apply
from lipar_core.taehv import TAEHV
from training import checkpoint
from training.codec import as_tensor
from training.media import Clip
from training.precision import bfloat16_is_faster, mixed_precision

LOG_EVERY = 25  # excerpts
AHEAD = 2  # excerpts styled before their turn


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One clip's latents, float16 [styles, F, C, h, w], styles in the order of `STYLES`; "no edit" is the source."""

    latents: Tensor

    def source(self) -> Tensor:
        return self.latents[list(STYLES).index("no edit")]


def _styled(name: str, clip: Clip) -> tuple[str, list[Clip]]:
    return name, [apply(style, clip) for style in STYLES]


def _encode(codec: TAEHV, name: str, styled: list[Clip], number: int) -> Tensor:
    if number % LOG_EVERY == 0:
        print(f"latents of excerpt {number}: {name}", flush=True)
    with mixed_precision(bfloat16_is_faster()):
        latents = [codec.encode(as_tensor(clip)[None])[0][0] for clip in styled]
    return torch.stack([one.half() for one in latents])  # not inside: autocast stacks no halves


@torch.inference_mode()
def encode_all(codec: TAEHV, clips: Iterable[tuple[str, Clip]], path: Path) -> list[Excerpt]:
    """Encode, or read back from `path`."""
    if state := checkpoint.load(path):
        return [Excerpt(latents) for latents in state["latents"]]
    done: list[Tensor] = []
    with ThreadPoolExecutor(1) as styling:  # the next excerpt is styled while this one is encoded
        waiting = deque[Future[tuple[str, list[Clip]]]]()
        for name, clip in clips:
            waiting.append(styling.submit(_styled, name, clip))
            if len(waiting) > AHEAD:
                done.append(_encode(codec, *waiting.popleft().result(), len(done)))
        done += [_encode(codec, *styled.result(), len(done)) for styled in waiting]
    checkpoint.save(path, {"latents": done})
    return [Excerpt(latents) for latents in done]
