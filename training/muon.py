"""Muon (Jordan et al. 2024): matrices of one shape are orthogonalised together.

PyTorch's implementation multiplies them one by one, always in bfloat16: without AVX-512 BF16 that takes longer than the
rest of a training step.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

MOMENTUM = 0.95
QUINTIC, ITERATIONS = (3.4445, -4.775, 2.0315), 5  # of the Newton-Schulz iteration, as published
EPS = 1e-7


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum, scaled to AdamW's step size (Liu et al. 2025, arXiv 2502.16982).

    dtype: of the Newton-Schulz iteration; weights and momentum keep theirs.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, weight_decay: float, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update every matrix [N, M] that has a gradient."""
        for group in self.param_groups:
            same_shape = defaultdict[torch.Size, list[Tensor]](list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    same_shape[matrix.shape].append(matrix)
            for matrices in same_shape.values():
                self._update(matrices, group["lr"], group["weight_decay"])

    def _update(self, matrices: list[Tensor], lr: float, decay: float) -> None:
        updates = orthogonal(torch.stack([self._nesterov(matrix) for matrix in matrices]), self.dtype)
        scale = 0.2 * lr * max(updates.shape[-2:]) ** 0.5
        for matrix, update in zip(matrices, updates, strict=True):
            matrix.mul_(1 - lr * decay).add_(update, alpha=-scale)

    def _nesterov(self, matrix: Tensor) -> Tensor:
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
        return matrix.grad.lerp(momentum, MOMENTUM)


def orthogonal(matrices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The matrices [K, N, M] with all singular values moved to about 1 (0.7 to 1.2)."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = (x / x.flatten(1).norm(dim=1).clamp(min=EPS).view(-1, 1, 1)).to(dtype)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.to(matrices.dtype)
    return x.mT if tall else x
