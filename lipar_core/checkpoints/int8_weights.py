"""Weights in 8 bits with a scale per row: W is about `int8 * scale`. Quantised once, then stored as a conversion."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from lipar_core.checkpoints.converted_weights import converted_weights
from lipar_core.checkpoints.key_names import NetworkName
from lipar_core.checkpoints.quantised import StoredWeights
from lipar_core.checkpoints.weights import finite_pieces, is_mapped, to_device

MAX_INT8 = 127
SCALE_SUFFIX = ".scale"


def row_scales(weight: Tensor) -> Tensor:
    """weight [rows, cols] -> float32 [rows]: the value of one step, so that a row's largest weight is 127 steps."""
    return torch.maximum(weight.amax(dim=1), -weight.amin(dim=1)).float() / MAX_INT8


def quantise_rows(weight: Tensor) -> Tensor:
    """weight [rows, cols] -> int8 [rows, cols], the nearest multiples of `row_scales`."""
    scale = row_scales(weight).clamp(min=torch.finfo(torch.float32).tiny)  # of a row of zeros
    return weight.float().div(scale[:, None]).round_().to(torch.int8)


def load_int8_network(
    module: nn.Module, weights: StoredWeights, path: Path, part: NetworkName, device: torch.device, dtype: torch.dtype
) -> None:
    """Load a module whose 8-bit layers have buffers `weight` (int8) and `scale`; all other weights become `dtype`.

    weights: of the checkpoint `path`, without scales, checked against the module before its layers were replaced.
    Raises `CheckpointError` if they hold NaN or Inf.
    """
    layout = _layout(module, dtype)

    def read(name: str) -> Iterator[Tensor]:
        return _pieces(weights, name, layout[name].dtype, path)

    mapped = is_mapped(weights)
    stored = converted_weights(path, part, torch.int8, layout, read) if mapped else None
    state = stored or {name: torch.cat(list(read(name))) for name in layout}
    module.load_state_dict({name: to_device(state[name], device, mapped) for name in layout}, strict=False, assign=True)
    module.requires_grad_(False).eval()


def _layout(module: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Shape and dtype of what is stored, on the meta device; of tied layers under their first name only."""
    other = {name: value.to("meta", dtype) for name, value in module.named_parameters()}
    return {name: value.to("meta") for name, value in module.named_buffers()} | other


def _pieces(weights: StoredWeights, name: str, dtype: torch.dtype, path: Path) -> Iterator[Tensor]:
    """What is stored under `name`, by rows."""
    if name in weights.stored and dtype != torch.int8:
        yield from finite_pieces(weights, name, dtype, path)
        return
    compute = quantise_rows if dtype == torch.int8 else row_scales
    weight = f"{name.removesuffix(SCALE_SUFFIX)}.weight" if dtype != torch.int8 else name
    for rows in finite_pieces(weights, weight, torch.float32, path):
        yield compute(rows)
