"""Compiles every kernel for GPUs that need not be there: registers / shared bytes / spilled bytes, as a table.

python -m benchmarks.kernels [COMPUTE CAPABILITY ...], by default 80 89 90 120
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from harness.kernel_compiler import Launch, compile_for, launches_of
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.operations import TRITON_OPERATIONS
from lipar_core.kernels.shapes import Shapes
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.precision import uniform
from lipar_core.presets import load_preset

CAPABILITIES = (80, 89, 90, 120)


def variants(operation: Operation[Any, Any], shapes: Shapes) -> Iterator[Launch]:
    """The different kernels that the operation's examples launch."""
    seen = set()
    for args in operation.examples(shapes):
        for launch in launches_of(partial(operation.kernel, *args), {sys.modules[operation.kernel.__module__]}):
            key = str(launch.source().hash())
            if key not in seen:
                seen.add(key)
                yield launch


def example_shapes() -> Shapes:
    """The sizes of `wan-1.3b` in bfloat16; as many tokens as it has, because some kernels have a program for all."""
    shapes = kernel_shapes(load_preset("wan-1.3b"), uniform(torch.bfloat16), torch.device("cpu"))
    return replace(shapes, layers=1)


def main(capabilities: list[int]) -> None:
    print("| operation | constants |", *(f"sm_{capability} |" for capability in capabilities))
    print("| --- | --- |", *("--- |" for _ in capabilities))
    for operation in TRITON_OPERATIONS:
        for launch in variants(operation, example_shapes()):
            constants = ", ".join(
                f"{key} {int(value)}" for key, value in launch.constants.items() if isinstance(value, int)
            )
            usages = (compile_for(launch, capability) for capability in capabilities)
            cells = (f"{usage.registers} / {usage.shared_bytes} / {usage.spilled_bytes} |" for usage in usages)
            print(f"| {operation.name} | {constants} |", *cells, flush=True)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(CAPABILITIES))
