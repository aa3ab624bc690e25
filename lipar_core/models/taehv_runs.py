"""Runs the layers of TAEHV over the frames of a call: all at once, or frame by frame. The results are the same."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lipar_core.models.taehv_folds import FoldedGrow, FoldedPool
from lipar_core.models.taehv_layers import MemBlock, TGrow, TPool

Layers = Sequence[Callable[..., Tensor]]

MIN_FRAME_VALUES = 2**20  # of a frame at full size, from which on a CPU is faster frame by frame: its cache is exceeded
MAX_PART_BYTES = 2**28  # of a part's frames at full size: a GPU has enough work, and more frames take more memory


def run_in_parts(
    run: Callable[..., tuple[Tensor, ...]], x: Tensor, past: tuple[Tensor, ...], step: int, values: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run x [B, T, C, H, W] by as many latent frames at once as memory allows: the result, and the next `past`.

    step: time steps of x per latent frame, which has so many values at its largest.
    """
    at_once = max(1, MAX_PART_BYTES // (values * x.element_size() * len(x)))
    results = []
    for part in [x] if torch.is_grad_enabled() else x.split(step * at_once, dim=1):
        result, *new_past = run(part, *past)
        past = tuple(new_past)
        results.append(result)
    return results[0] if len(results) == 1 else torch.cat(results, dim=1), past


def run_layers(layers: Layers, x: Tensor, past: tuple[Tensor, ...], frame_values: int) -> tuple[Tensor, ...]:
    """As `run_at_once`, in the faster way. frame_values: how many values a frame has at its largest."""
    by_frame = x.device.type == "cpu" and frame_values >= MIN_FRAME_VALUES and not torch.is_grad_enabled()
    return run_by_frame(layers, x, past) if by_frame else run_at_once(layers, x, past)


def run_at_once(layers: Layers, x: Tensor, past: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Run x [B, T, C, H, W] through the layers, all time steps at once; `past` () means a stream's start.

    Returns the result, then the next `past`: of each MemBlock, its last input.
    """
    batch = x.shape[0]
    new_past: list[Tensor] = []
    x = x.flatten(0, 1)
    for layer in layers:
        if isinstance(layer, MemBlock):
            frames = x.unflatten(0, (batch, -1))
            before = past[len(new_past)] if past else torch.zeros_like(frames[:, 0])
            new_past.append(frames[:, -1].clone())
            shifted = torch.cat([before.unsqueeze(1), frames[:, :-1]], dim=1)
            x = layer(x, shifted.flatten(0, 1))
        else:
            x = layer(x)
    return x.unflatten(0, (batch, -1)), *new_past


def run_by_frame(layers: Layers, x: Tensor, past: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """As `run_at_once`, each time step through all layers before the next."""
    run = _FrameRun(layers, past)
    for frame in x.unbind(1):
        run.take(0, frame)
    assert not any(run.waiting), "an incomplete latent frame"
    new_past = [run.past[i] for i, layer in enumerate(layers) if isinstance(layer, MemBlock)]
    return torch.stack(run.done, dim=1), *(value.clone() for value in new_past)


class _FrameRun:
    """The layers with what they wait for: pooling, for the frames that it merges; MemBlocks have the one before."""

    def __init__(self, layers: Layers, past: tuple[Tensor, ...]) -> None:
        self.layers = layers
        blocks = [i for i, layer in enumerate(layers) if isinstance(layer, MemBlock)]
        self.past = dict(zip(blocks, past, strict=True)) if past else {}
        self.waiting: list[list[Tensor]] = [[] for _ in layers]
        self.done: list[Tensor] = []

    def take(self, start: int, x: Tensor) -> None:
        """Run a frame [B, C, H, W] through the layers from this one on."""
        for i in range(start, len(self.layers)):
            layer = self.layers[i]
            if isinstance(layer, MemBlock):
                before = self.past.get(i)
                self.past[i] = x
                x = layer(x, torch.zeros_like(x) if before is None else before)
            elif isinstance(layer, (TPool, FoldedPool)):
                self.waiting[i].append(x)
                if len(self.waiting[i]) < layer.stride:
                    return
                x = layer(torch.stack(self.waiting[i], dim=1).flatten(0, 1))
                self.waiting[i].clear()
            elif isinstance(layer, (TGrow, FoldedGrow)):
                for frame in layer(x).unflatten(0, (len(x), layer.stride)).unbind(1):
                    self.take(i + 1, frame)
                return
            else:
                x = layer(x)
        self.done.append(x)
