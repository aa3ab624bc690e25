"""A denoising step's input: the kept tokens of x0 with noise mixed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipar_core.flow import add_noise
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def noisy_tokens_reference(x0: Tensor, noise: Tensor, index: Tensor, sigma: float) -> Tensor:
    """x0 and noise [N, P] of a block, index [K] of the kept tokens -> their noisy values [K, P]."""
    return add_noise(x0.index_select(0, index), noise.index_select(0, index), sigma)


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


def noisy_tokens_triton(x0: Tensor, noise: Tensor, index: Tensor, sigma: float) -> Tensor:
    out = x0.new_empty(len(index), x0.shape[1])
    width = x0.shape[1]
    launch(
        _noisy_tokens_kernel,
        len(index),
        *(x0.contiguous(), noise.contiguous(), index, out, sigma),
        P=width,
        BLOCK=block_size(width),
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    x0, noise = shapes.normal(2, shapes.block_tokens, shapes.patch_dim)
    for keep in shapes.keep_masks():
        yield x0, noise, keep.flatten().nonzero()[:, 0], 0.7


noisy_tokens = Operation(noisy_tokens_reference, noisy_tokens_triton, examples)
