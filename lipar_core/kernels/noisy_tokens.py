"""A denoising step's input: the kept tokens of x0 with noise mixed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def noisy_tokens_reference(x0: Tensor, noise: Tensor, index: Tensor, sigma: float, out: Tensor) -> None:
    """x0 and noise [N, P] of a block, index [K] of the kept tokens -> their noisy values in `out` [K, P]."""
    torch.add((1 - sigma) * x0.index_select(0, index), sigma * noise.index_select(0, index), out=out)


@jit
def _noisy_tokens_kernel(
    x0: Pointer,
    noise: Pointer,
    index: Pointer,
    out: Pointer,
    sigma: float,
    P: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    token = tl.program_id(0)
    col = tl.arange(0, BLOCK)
    inside = col < P
    row = tl.load(index + token) * P
    clean = tl.load(x0 + row + col, mask=inside).to(tl.float32)
    random = tl.load(noise + row + col, mask=inside).to(tl.float32)
    tl.store(out + token * P + col, (1 - sigma) * clean + sigma * random, mask=inside)


def noisy_tokens_triton(x0: Tensor, noise: Tensor, index: Tensor, sigma: float, out: Tensor) -> None:
    assert out.is_contiguous()
    width = x0.shape[1]
    launch(
        _noisy_tokens_kernel,
        len(index),
        *(x0.contiguous(), noise.contiguous(), index, out, sigma),
        P=width,
        BLOCK=block_size(width),
    )


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    x0, noise = shapes.normal(2, shapes.block_tokens, shapes.patch_dim)
    for keep in shapes.keep_masks():
        index = keep.flatten().nonzero()[:, 0]
        yield x0, noise, index, 0.7, torch.zeros_like(x0[: len(index)])


noisy_tokens = Operation(noisy_tokens_reference, noisy_tokens_triton, examples)
