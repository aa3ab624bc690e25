"""All operations with a kernel."""

from typing import Any

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.residual_norm import residual_norm

OPERATIONS: tuple[Operation[Any, Any], ...] = (residual_norm,)
