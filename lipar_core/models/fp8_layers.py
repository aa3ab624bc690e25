"""Linear layers of a transformer in 8-bit floating point (`fp8_linears` of a preset): half the time, less exact."""

import logging

import torch
from torch import Tensor, nn

from lipar_core.kernels.fp8_linear import fp8_linear
from lipar_core.kernels.operations import FP8_OPERATIONS
from lipar_core.kernels.quantised_rows import quantised_rows_reference
from lipar_core.kernels.self_test import relative_error
from lipar_core.kernels.shapes import Shapes
from lipar_core.kernels.start_up import reason_for_references, verify_each

log = logging.getLogger(__name__)

FP8_CAPABILITY = (8, 9)  # Ada and Hopper: the first GPUs with such products
ALIGNMENT = 16  # of inputs and outputs, which the products need
MAX_ERROR = 6e-2  # relative L2 of a layer's output: rounding is 4e-2 where all weights of a row are of one size
TEST_ROWS = 64


class Fp8Linear(nn.Module):
    """A linear layer, quantised: a scale per output for the weights, one per token for the inputs."""

    weight: Tensor  # FLOAT8 [out, in]
    scale: Tensor  # float32 [out, 1]
    bias: Tensor  # [out]

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight, scale = quantised_rows_reference(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in] -> [..., out]."""
        return fp8_linear(x, self.weight, self.scale, self.bias).to(x.dtype)


def use_fp8_linears(layers: nn.ModuleList, shapes: Shapes) -> int:
    """Replace the linear layers that every token of a transformer passes; returns how many.

    On a GPU only if its products are equal to their references. A layer whose output becomes too inexact keeps its
    dtype; so do keys and values of the prompt, which are computed once.
    """
    if problem := _problem(shapes):
        log.warning("fp8_linears: matrix products stay in %s: %s", shapes.linear, problem)
        return 0
    replaced = 0
    for name, layer in list(layers.named_modules()):
        if isinstance(layer, nn.Linear) and not name.endswith(("cross_attn.k", "cross_attn.v")):
            error = quantisation_error(layer)
            if error <= MAX_ERROR:
                layers.set_submodule(name, Fp8Linear(layer))
                replaced += 1
            else:
                log.warning("fp8_linears: layer %s stays in %s: relative error %.1e", name, shapes.linear, error)
    log.info("fp8_linears: %d layers", replaced)
    return replaced


@torch.inference_mode()
def quantisation_error(layer: nn.Linear) -> float:
    """Relative L2 of what the quantised layer computes of normally distributed inputs; infinite if it cannot."""
    if layer.bias is None or layer.in_features % ALIGNMENT or layer.out_features % ALIGNMENT:
        return float("inf")
    weight = layer.weight
    draw = torch.Generator(weight.device).manual_seed(0)
    x = torch.randn(TEST_ROWS, layer.in_features, generator=draw, device=weight.device).to(weight.dtype)
    return relative_error(Fp8Linear(layer)(x), layer(x))


def _problem(shapes: Shapes) -> str:
    """Why this device has no such products; empty if it has. A CPU has the reference, which shows what they cost."""
    if shapes.device.type != "cuda":
        return ""
    if torch.cuda.get_device_capability(shapes.device) < FP8_CAPABILITY:
        return "the GPU has no 8-bit floating point"
    if reason := reason_for_references(shapes.device):
        return reason
    verdicts = verify_each(FP8_OPERATIONS, shapes)
    return "; ".join(f"{verdict.name}: {verdict.problem}" for verdict in verdicts if verdict.problem)
