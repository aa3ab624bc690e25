"""An operation that has a reference and a kernel, and the choice between the two."""

from collections.abc import Callable, Iterable
from typing import Generic, ParamSpec, TypeVar

import torch
from torch.overrides import handle_torch_function, has_torch_function

from lipar_core.kernels.shapes import Shapes

P = ParamSpec("P")
R = TypeVar("R")
Examples = Callable[[Shapes], Iterable[tuple[object, ...]]]


class Operation(Generic[P, R]):
    """Call it as its reference. The kernel runs instead on the type of device where the self-test has found it equal.

    `examples` gives the arguments that the self-test calls both with, at a model's sizes. Kernels have no backward
    pass: where gradients are recorded, the reference runs. A `TorchFunctionMode` sees the call as one function.
    """

    def __init__(
        self, reference: Callable[P, R], kernel: Callable[P, R], examples: Examples, *, library: bool = False
    ) -> None:
        """library: the kernel is not Triton's but PyTorch's, and differs from the reference on a CPU."""
        self.name = reference.__name__.removesuffix("_reference")
        self.reference = reference
        self.kernel = kernel
        self.examples = examples
        self.library = library
        self.verified_on: str | None = None  # type of device, set by the self-test at start-up

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if has_torch_function(args[:1]):
            return handle_torch_function(self, args[:1], *args, **kwargs)
        if self.verified_on is not None and not torch.is_grad_enabled() and _device_type(args[0]) == self.verified_on:
            return self.kernel(*args, **kwargs)
        return self.reference(*args, **kwargs)


def _device_type(argument: object) -> str | None:
    return argument.device.type if isinstance(argument, torch.Tensor) else None
