"""Compiles every kernel for GPUs that need not be there: registers, shared memory and spills, as a table.

python -m benchmarks.kernels [COMPUTE CAPABILITY ...], by default 80 89 90 120
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from harness.kernel_compiler import Launch, Usage, compile_for, launches_of
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.operations import OPERATIONS
from lipar_core.kernels.shapes import Shapes
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.precision import uniform
from lipar_core.presets import load_preset

CAPABILITIES = (80, 89, 90, 120)
ROWS = 2  # tokens: their number is an argument of the kernels, so that a few are enough here
COLS = 3


def variants(operation: Operation[Any, Any], shapes: Shapes) -> Iterator[Launch]:
    """The different kernels that the operation's examples launch."""
    seen = set()
    for args in operation.examples(shapes):
        for launch in launches_of(partial(operation.kernel, *args), {sys.modules[operation.kernel.__module__]}):
            key = str(launch.source().hash())
            if key not in seen:
                seen.add(key)
                yield launch


def compiled_variants(capability: int) -> Iterator[tuple[str, Launch, Usage]]:
    """Operation, launch and usage of every variant at the sizes of `wan-1.3b`, in bfloat16."""
    preset = load_preset("wan-1.3b")
    shapes = kernel_shapes(preset, uniform(torch.bfloat16), torch.device("cpu"))
    token = shapes.height // shapes.rows
    small = replace(shapes, rows=ROWS, cols=COLS, height=ROWS * token, width=COLS * token)
    for operation in OPERATIONS:
        for launch in variants(operation, small):
            yield operation.name, launch, compile_for(launch, capability)


def main(capabilities: list[int]) -> None:
    print("| operation | constants | GPU | registers | shared, bytes | spilled, bytes |")
    print("| --- | --- | --- | --- | --- | --- |")
    for capability in capabilities:
        for name, launch, usage in compiled_variants(capability):
            constants = ", ".join(f"{key} {value}" for key, value in launch.constants.items())
            numbers = f"{usage.registers} | {usage.shared_bytes} | {usage.spilled_bytes}"
            print(f"| {name} | {constants} | sm_{capability} | {numbers} |", flush=True)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(CAPABILITIES))
