"""Muon (Jordan et al. 2024) for matrices, in float32.

PyTorch's implementation always multiplies in bfloat16: without AVX-512 BF16 that takes longer than the rest of a
training step.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

MOMENTUM = 0.95
QUINTIC, ITERATIONS = (3.4445, -4.775, 2.0315), 5  # of the Newton-Schulz iteration, as published
EPS = 1e-7


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum, scaled to AdamW's step size (Liu et al. 2025, arXiv 2502.16982)."""

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update every matrix [N, M] that has a gradient."""
        for group in self.param_groups:
            lr, decay = group["lr"], group["weight_decay"]
            for matrix in (p for p in group["params"] if p.grad is not None):
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
                update = orthogonal(matrix.grad.lerp(momentum, MOMENTUM))
                matrix.mul_(1 - lr * decay).add_(update, alpha=-0.2 * lr * max(matrix.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix [N, M] with all singular values moved to about 1 (0.7 to 1.2)."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=EPS)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
