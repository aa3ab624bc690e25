"""Dequantises 8-bit weights stored with separate scales (ComfyUI's scaled fp8)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lipar_core.errors import CheckpointError

StateDict = dict[str, Tensor]

FLOAT8 = frozenset({torch.float8_e4m3fn, torch.float8_e5m2})
SCALE_SUFFIXES = (".scale_weight", ".weight_scale")  # older and newer name; value = weight x scale
UNUSED_SUFFIXES = (".scale_input", ".input_scale")  # for 8-bit matrix products, which are not used here
FORMAT_SUFFIX = ".comfy_quant"  # JSON bytes: the format of a layer's weight
MARKER_KEY = "scaled_fp8"  # empty tensor that marks a file with scales
PIECE_VALUES = 2**24  # of a weight that are computed at a time


@dataclass(frozen=True, slots=True)
class StoredWeights:
    """A network's stored tensors under our names, and their scales where they have one."""

    stored: StateDict
    scales: StateDict

    def tensor(self, name: str, dtype: torch.dtype) -> Tensor:
        """One dequantised weight; the stored tensor itself if nothing has to be computed."""
        value = self.stored[name]
        if name in self.scales:
            scale = self.scales[name].float()
            return (value.float() * scale.reshape(-1, *[1] * (value.dim() - 1))).to(dtype)
        return value.to(dtype)

    def pieces(self, name: str, dtype: torch.dtype) -> Iterator[Tensor]:
        """One dequantised weight by groups of rows, so that a conversion takes little memory."""
        value = self.stored[name]
        if value.numel() <= PIECE_VALUES:
            yield self.tensor(name, dtype)
            return
        rows = max(1, PIECE_VALUES // value[0].numel())
        scale = self.scales[name].flatten().expand(len(value)) if name in self.scales else None
        for begin in range(0, len(value), rows):
            some = slice(begin, begin + rows)
            yield StoredWeights({name: value[some]}, {} if scale is None else {name: scale[some]}).tensor(name, dtype)


def is_finite(value: Tensor) -> bool:
    """Whether no value is NaN or Inf: 30x faster than an element-wise check. Minimum and maximum propagate NaN."""
    return not value.numel() or bool(torch.stack(value.aminmax()).isfinite().all())


def split_scales(state: StateDict) -> StoredWeights:
    """Separate weights from scales; raises `CheckpointError` for an unsupported format."""
    stored = {name: value for name, value in state.items() if name != MARKER_KEY and not name.endswith(UNUSED_SUFFIXES)}
    scales: StateDict = {}
    for name in list(stored):
        if name.endswith(FORMAT_SUFFIX) and f"{name.removesuffix(FORMAT_SUFFIX)}.weight" in stored:
            _check_format(name, stored.pop(name))
        for suffix in SCALE_SUFFIXES:
            weight = f"{name.removesuffix(suffix)}.weight"
            if name.endswith(suffix) and weight in stored:
                scales[weight] = _checked_scale(name, stored.pop(name), stored[weight])
    return StoredWeights(stored, scales)


def check_dtypes(state: StateDict, origin: str) -> None:
    """Raises `CheckpointError` for integer tensors."""
    for name, value in state.items():
        if not value.is_floating_point():
            dtype = str(value.dtype).removeprefix("torch.")
            raise CheckpointError(
                f"checkpoint {origin}: key {name} holds {dtype} values: float8 is the only supported quantised format"
            )


def _checked_scale(name: str, scale: Tensor, weight: Tensor) -> Tensor:
    """The scale, if it is one per weight or one per row."""
    if scale.numel() not in (1, weight.shape[0] if weight.dim() else 1) or not scale.is_floating_point():
        raise CheckpointError(
            f"key {name} has shape {list(scale.shape)}: must be one scale, or one per row of the weight"
        )
    if not is_finite(scale):
        raise CheckpointError(f"key {name} holds NaN or Inf: the file is damaged")
    return scale


def _check_format(name: str, value: Tensor) -> None:
    try:
        format_name = json.loads(bytes(value.to(torch.uint8).tolist()))["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"key {name} does not name the weight's format") from error
    if format_name not in {str(dtype).removeprefix("torch.") for dtype in FLOAT8}:
        raise CheckpointError(f"key {name}: the weight's format {format_name} is not supported")
