"""Layers with weights in 8 bits and a scale per row; inputs, products and outputs keep their dtype."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Int8Linear(nn.Module):
    """y = x W^T without bias. W is converted to the dtype of x in the call, which is exact; the scales follow."""

    weight: Tensor  # int8 [out, in]
    scale: Tensor  # float32 [out]

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in] -> [..., out]."""
        return (F.linear(x, self.weight.to(x.dtype)) * self.scale).to(x.dtype)


class Int8Embedding(nn.Module):
    """Rows of a table."""

    weight: Tensor  # int8 [entries, width]
    scale: Tensor  # float32 [entries]

    def __init__(self, entries: int, width: int, dtype: torch.dtype) -> None:
        """dtype: of the output."""
        super().__init__()
        self.dtype = dtype
        self.register_buffer("weight", torch.zeros(entries, width, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(entries, dtype=torch.float32))

    def forward(self, ids: Tensor) -> Tensor:
        """ids [...] -> [..., width]."""
        return (self.weight[ids] * self.scale[ids].unsqueeze(-1)).to(self.dtype)


def replace_linear_layers(module: nn.Module) -> None:
    """Replace every linear layer by an 8-bit one of its sizes, without values; none of them may have a bias."""
    for name, layer in list(module.named_modules()):
        if isinstance(layer, nn.Linear):
            assert layer.bias is None, name
            module.set_submodule(name, Int8Linear(layer.in_features, layer.out_features))
