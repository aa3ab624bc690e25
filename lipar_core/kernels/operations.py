"""All operations with a kernel."""

from typing import Any

from lipar_core.kernels.changed_tokens import changed_tokens
from lipar_core.kernels.cleaned_mask import cleaned_mask
from lipar_core.kernels.filled_mask import filled_mask
from lipar_core.kernels.fp8_linear import fp8_linear
from lipar_core.kernels.grid_median import grid_median
from lipar_core.kernels.grid_smoothing import grid_smoothing
from lipar_core.kernels.kept_order import kept_order
from lipar_core.kernels.linear_gelu import linear_gelu
from lipar_core.kernels.noise_estimate import noise_estimate
from lipar_core.kernels.noisy_tokens import noisy_tokens
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.qk_norm_rope import qk_norm_rope
from lipar_core.kernels.quantised_rows import quantised_rows
from lipar_core.kernels.replace_tokens import replace_tokens
from lipar_core.kernels.residual_norm import residual_norm
from lipar_core.kernels.restored_x0 import restored_x0
from lipar_core.kernels.rope_scatter import rope_scatter
from lipar_core.kernels.rotate_frames import rotate_frames
from lipar_core.kernels.source_rows import source_rows
from lipar_core.kernels.token_change import token_change
from lipar_core.kernels.trimmed_distance import trimmed_distance
from lipar_core.kernels.yuv420p import frames_from_planes, planes_from_frames

OPERATIONS: tuple[Operation[Any, Any], ...] = (
    residual_norm,
    linear_gelu,
    qk_norm_rope,
    rope_scatter,
    rotate_frames,
    noisy_tokens,
    restored_x0,
    token_change,
    noise_estimate,
    changed_tokens,
    replace_tokens,
    trimmed_distance,
    grid_median,
    grid_smoothing,
    cleaned_mask,
    filled_mask,
    kept_order,
    source_rows,
    frames_from_planes,
    planes_from_frames,
)
FP8_OPERATIONS: tuple[Operation[Any, Any], ...] = (quantised_rows, fp8_linear)  # used on request only
TRITON_OPERATIONS = tuple(operation for operation in (*OPERATIONS, *FP8_OPERATIONS) if not operation.library)
