"""An operation that has a reference and a kernel, and the choice between the two."""

from collections.abc import Callable, Iterable
from typing import Generic, ParamSpec, TypeVar

import torch

from lipar_core.kernels.shapes import Shapes

P = ParamSpec("P")
R = TypeVar("R")
Examples = Callable[[Shapes], Iterable[tuple[object, ...]]]


class Operation(Generic[P, R]):
    """Call it as its reference. The kernel runs instead on a GPU where the self-test has found it equal.

    `examples` gives the arguments that the self-test calls both with, at a model's sizes. Kernels have no backward
    pass: where gradients are recorded, the reference runs.
    """

    def __init__(self, reference: Callable[P, R], kernel: Callable[P, R], examples: Examples) -> None:
        self.name = reference.__name__.removesuffix("_reference")
        self.reference = reference
        self.kernel = kernel
        self.examples = examples
        self.proved = False  # by the self-test, on this process's GPU

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.proved and _on_gpu(args) and not torch.is_grad_enabled():
            return self.kernel(*args, **kwargs)
        return self.reference(*args, **kwargs)


def _on_gpu(args: tuple[object, ...]) -> bool:
    first = args[0]
    return isinstance(first, torch.Tensor) and first.is_cuda
