"""Compares kernels with their references, on the device and at the sizes that they will run with."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lipar_core.errors import one_line
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.shapes import Shapes

# relative L2: rounding of two orders of operations
MAX_ERROR = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2, torch.float8_e4m3fn: 1e-2}
MAX_OFF_BY_ONE_RATIO = 1e-3  # of all pixels


def differences(operation: Operation[Any, Any], shapes: Shapes) -> Iterator[str]:
    """How the kernel's results, and what it writes into its arguments, differ from the reference's. Empty: equal."""
    for number, args in enumerate(operation.examples(shapes)):
        by_reference, by_kernel = _copied(args), _copied(args)
        expected = (*_tensors(operation.reference(*by_reference)), *_tensors(by_reference))
        results = (*_tensors(operation.kernel(*by_kernel)), *_tensors(by_kernel))
        for result, reference in zip(results, expected, strict=True):
            if problem := difference(result, reference):
                yield f"example {number}: {problem}"


def difference(result: Tensor, reference: Tensor) -> str:
    """What is wrong with a result; empty if nothing is."""
    if (result.shape, result.dtype) != (reference.shape, reference.dtype):
        return f"{result.dtype} {tuple(result.shape)} instead of {reference.dtype} {tuple(reference.shape)}"
    if not reference.dtype.is_floating_point:
        return _integer_difference(result, reference)
    error = relative_error(result, reference)
    limit = MAX_ERROR[reference.dtype]
    return "" if error <= limit else f"relative error {error:.1e}, allowed {limit:.1e}"  # NaN fails, too


def _integer_difference(result: Tensor, reference: Tensor) -> str:
    """Pixels, which are bytes, may be rounded otherwise if they lie between two levels."""
    distance = (result.long() - reference.long()).abs()
    wrong = int((distance > 0).sum())
    allowed = MAX_OFF_BY_ONE_RATIO * distance.numel() if reference.dtype == torch.uint8 else 0
    if not wrong or (int(distance.max()) == 1 and wrong <= allowed):
        return ""
    return f"{wrong} of {distance.numel()} values differ, by up to {int(distance.max())}"


def relative_error(result: Tensor, reference: Tensor) -> float:
    """L2 norm of the difference over that of the reference."""
    size = reference.double().norm()
    return float((result.double() - reference.double()).norm() / size.clamp(min=torch.finfo(torch.float64).tiny))


def failure_text(error: Exception) -> str:
    """What a compiler, a driver or a package reported, on one line."""
    return f"{type(error).__name__}: {one_line(error)[:300]}"


def _copied(args: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(arg.clone() if isinstance(arg, Tensor) else arg for arg in args)


def _tensors(values: object) -> tuple[Tensor, ...]:
    if isinstance(values, Tensor):
        return (values,)
    return tuple(value for value in values if isinstance(value, Tensor)) if isinstance(values, tuple) else ()
