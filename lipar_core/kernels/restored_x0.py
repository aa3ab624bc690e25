"""x0 of a whole block: predicted where a token was computed, copied where it was pruned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.flow import X0Weights, x0_from_prediction
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def restored_x0_reference(
    x: Tensor, prediction: Tensor, previous: Tensor, source: Tensor, weights: X0Weights, out: Tensor
) -> None:
    """x and prediction [K, P] of the kept tokens, previous [T, P] (the frame before the block) -> `out` [F * T, P].

    source [F * T]: of each token, its row in the K kept tokens followed by the T of the frame before.
    """
    kept = x0_from_prediction(x, prediction, weights)
    torch.index_select(torch.cat([kept, previous]), 0, source, out=out)


@jit
def _restored_x0_kernel(
    x: Pointer,
    prediction: Pointer,
    previous: Pointer,
    source: Pointer,
    out: Pointer,
    kept: int,
    input_weight: float,
    prediction_weight: float,
    P: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    token = tl.program_id(0)
    col = tl.arange(0, BLOCK)
    inside = col < P
    row = tl.load(source + token)
    if row < kept:
        noisy = tl.load(x + row * P + col, mask=inside).to(tl.float32)
        predicted = tl.load(prediction + row * P + col, mask=inside).to(tl.float32)
        tl.store(out + token * P + col, input_weight * noisy + prediction_weight * predicted, mask=inside)
    else:
        tl.store(out + token * P + col, tl.load(previous + (row - kept) * P + col, mask=inside), mask=inside)


def restored_x0_triton(
    x: Tensor, prediction: Tensor, previous: Tensor, source: Tensor, weights: X0Weights, out: Tensor
) -> None:
    assert out.is_contiguous()
    kept, width = x.shape
    launch(
        _restored_x0_kernel,
        len(source),
        *(
            x.contiguous(),
            prediction.contiguous(),
            previous.contiguous(),
            source,
            out,
            kept,
            weights.x,
            weights.prediction,
        ),
        P=width,
        BLOCK=block_size(width),
    )


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    previous = shapes.normal(shapes.tokens, shapes.patch_dim)
    for count in shapes.kept_counts():
        x, prediction = shapes.normal(2, count, shapes.patch_dim)
        rows = count + shapes.tokens
        source = (shapes.uniform(shapes.block_tokens) * rows).long().clamp(max=rows - 1)
        for weights in (X0Weights(1.0, -0.7), X0Weights(0.0, 1.0), X0Weights(1.2, 1.0)):
            yield x, prediction, previous, source, weights, x.new_zeros(len(source), shapes.patch_dim)


restored_x0 = Operation(restored_x0_reference, restored_x0_triton, examples)
