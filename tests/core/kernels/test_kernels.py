"""Each kernel equals its reference at none, one, some and all tokens kept, by Triton's interpreter."""

from dataclasses import replace

import pytest
import torch

from lipar_core.kernels.operations import TRITON_OPERATIONS
from lipar_core.kernels.replace_tokens import replace_tokens
from lipar_core.kernels.self_test import differences
from lipar_core.kernels.token_change import token_change
from lipar_core.kernels.trimmed_distance import trimmed_distance
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.precision import uniform
from lipar_core.presets import load_preset
from tests.core.kernels.small_shapes import small_shapes

pytest.importorskip("triton")


def has_dtype(operation, dtype):
    """Whether an operation has arguments of the model's dtype: what works on pixels has not."""
    args = [arg for args in operation.examples(small_shapes(dtype)) for arg in args]
    return any(isinstance(arg, torch.Tensor) and arg.dtype == dtype for arg in args)


# By the interpreter more than 180 s for 1560 tokens: two search for ranks bit by bit, one has twelve programs a token.
SLOW = (token_change, trimmed_distance, replace_tokens)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
CASES = [
    pytest.param(operation, dtype, id=f"{operation.name}-{dtype}")
    for operation in TRITON_OPERATIONS
    for dtype in DTYPES
    if dtype == torch.float32 or has_dtype(operation, dtype)
]


@pytest.mark.parametrize(("operation", "dtype"), CASES)
@torch.inference_mode()
def test_a_kernel_equals_its_reference(operation, dtype):
    assert list(differences(operation, small_shapes(dtype))) == []


@pytest.mark.soak
@pytest.mark.parametrize("operation", TRITON_OPERATIONS, ids=lambda operation: operation.name)
@torch.inference_mode()
def test_a_kernel_equals_its_reference_at_full_size(operation):
    preset = load_preset("wan-1.3b")
    shapes = replace(kernel_shapes(preset, uniform(torch.float32), torch.device("cpu")), block_frames=1, layers=1)
    if operation in SLOW:
        shapes = replace(shapes, rows=10, cols=13, height=shapes.height // 3, width=shapes.width // 4)
    assert list(differences(operation, shapes)) == []
