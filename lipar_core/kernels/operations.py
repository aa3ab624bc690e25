"""All operations with a kernel."""

from typing import Any

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.qk_norm_rope import qk_norm_rope
from lipar_core.kernels.residual_norm import residual_norm
from lipar_core.kernels.rope_scatter import rope_scatter
from lipar_core.kernels.rotate_frames import rotate_frames

OPERATIONS: tuple[Operation[Any, Any], ...] = (residual_norm, qk_norm_rope, rope_scatter, rotate_frames)
