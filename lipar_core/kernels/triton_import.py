"""Triton, where it is installed: the CUDA builds of PyTorch bring it. Without it kernels are defined, never launched.

Modules with kernels postpone the evaluation of annotations, because `tl.constexpr` does not exist without Triton.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = tl = None

__all__ = ["HAS_TRITON", "Pointer", "block_size", "jit", "launch", "tl"]

HAS_TRITON = triton is not None

if TYPE_CHECKING:
    Pointer = Any
else:

    class Pointer:
        """A tensor at the launch, the address of its first element in the kernel."""

        __triton_builtin__ = True  # Triton's compiler reads annotations, and accepts no other names in them


def jit(function: Callable[..., Any]) -> Any:
    """A Triton kernel. Arguments annotated `int` differ from block to block: a new value compiles nothing."""
    if not HAS_TRITON:
        return function
    varying = [
        name for name, parameter in inspect.signature(function).parameters.items() if parameter.annotation == "int"
    ]
    return triton.jit(function, do_not_specialize=varying)


def launch(kernel: Any, programs: int | tuple[int, ...], *args: object, **constants: object) -> None:
    """Run a kernel with this grid of programs; none of them if a side of the grid is empty."""
    grid = (programs,) if isinstance(programs, int) else programs
    if min(grid) > 0:
        kernel[grid](*args, **constants)


def block_size(size: int) -> int:
    """The power of two that a program needs for so many values."""
    return 1 << max(size - 1, 0).bit_length()
