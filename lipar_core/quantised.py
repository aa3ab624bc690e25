"""Weights stored in 8 bits with scales beside them (ComfyUI's scaled fp8), read as what they stand for."""

import json
from dataclasses import dataclass

import torch
from torch import Tensor

from lipar_core.errors import CheckpointError

State = dict[str, Tensor]

FLOAT8 = frozenset({torch.float8_e4m3fn, torch.float8_e5m2})
SCALES = (".scale_weight", ".weight_scale")  # the older and the newer name; the value is weight x scale
UNUSED = (".scale_input", ".input_scale")  # for multiplication in 8 bits, which is not done here
FORMAT = ".comfy_quant"  # JSON in bytes: which format a layer's weight has
MARKER = "scaled_fp8"  # an empty tensor that says that a file has scales


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's stored tensors by our names, and the scales of those that have one."""

    stored: State
    scales: State

    def tensor(self, name: str, dtype: torch.dtype) -> Tensor:
        """One weight's values; the stored tensor itself where nothing has to be computed."""
        value = self.stored[name]
        if name in self.scales:
            scale = self.scales[name].float()
            return (value.float() * scale.reshape(-1, *[1] * (value.dim() - 1))).to(dtype)
        return value.to(dtype)


def is_finite(value: Tensor) -> bool:
    """Whether no value is NaN or Inf; thirty times as fast as asking each. NaN is passed on by both ends."""
    return not value.numel() or bool(torch.stack(value.aminmax()).isfinite().all())


def split_scales(state: State) -> Weights:
    """Tell weights and scales apart; raises `CheckpointError` for a format that is not read."""
    stored = {name: value for name, value in state.items() if name != MARKER and not name.endswith(UNUSED)}
    scales: State = {}
    for name in list(stored):
        if name.endswith(FORMAT) and f"{name.removesuffix(FORMAT)}.weight" in stored:
            _check_format(name, stored.pop(name))
        for suffix in SCALES:
            weight = f"{name.removesuffix(suffix)}.weight"
            if name.endswith(suffix) and weight in stored:
                scales[weight] = _checked_scale(name, stored.pop(name), stored[weight])
    return Weights(stored, scales)


def check_dtypes(state: State, origin: str) -> None:
    """Raises `CheckpointError` for whole numbers where weights are to be."""
    for name, value in state.items():
        if not value.is_floating_point():
            kind = str(value.dtype).removeprefix("torch.")
            raise CheckpointError(
                f"checkpoint {origin}: key {name} holds {kind} values: of quantised weights only float8 ones are read"
            )


def _checked_scale(name: str, scale: Tensor, weight: Tensor) -> Tensor:
    """One scale for the whole weight, or one a row."""
    if scale.numel() not in (1, weight.shape[0] if weight.dim() else 1) or not scale.is_floating_point():
        raise CheckpointError(
            f"key {name} has shape {list(scale.shape)}: one scale, or one a row of the weight, is read"
        )
    return scale


def _check_format(name: str, value: Tensor) -> None:
    try:
        said = json.loads(bytes(value.to(torch.uint8).tolist()))["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"key {name} does not say which format the weight has") from error
    if said not in {str(kind).removeprefix("torch.") for kind in FLOAT8}:
        raise CheckpointError(f"key {name}: the weight is stored as {said}, which is not read")
