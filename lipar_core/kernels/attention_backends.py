"""Implementations of attention for 16-bit tensors on a GPU, and which of them a GPU should try first."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]  # q [B, N, H, D], k and v [B, L, H, D] -> [B, N, H, D]

MAX_ERROR = 2e-2  # relative L2 to attention in float32
MAX_QUANTISED_ERROR = 1e-1


@dataclass(frozen=True, slots=True)
class Backend:
    """An implementation; `max_error` is what its start-up check allows."""

    name: str
    run: Attention
    module: str = "torch"  # that it needs
    max_error: float = MAX_ERROR

    @property
    def installed(self) -> bool:
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:  # not even the package that would contain the module
            return False


@dataclass(slots=True)
class Choice:
    """The backend that this process's GPU uses; None: PyTorch's own choice per call."""

    backend: Backend | None = None


CHOICE = Choice()


def _pytorch(kind: SDPBackend, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    with sdpa_kernel(kind):
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2)


def _package(name: str, module: str, function: str, max_error: float = MAX_ERROR, **options: object) -> Backend:
    """A backend of another package, which is imported when it is first used."""

    def run(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        result: Any = getattr(importlib.import_module(module), function)(q, k, v, **options)
        out: Tensor = result[0] if isinstance(result, tuple) else result  # some also return log-sum-exps
        return out

    return Backend(name, run, module, max_error)


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("cudnn", partial(_pytorch, SDPBackend.CUDNN_ATTENTION)),
        Backend("flash", partial(_pytorch, SDPBackend.FLASH_ATTENTION)),
        _package("flash-attn-2", "flash_attn", "flash_attn_func"),
        _package("flash-attn-3", "flash_attn_interface", "flash_attn_func"),
        _package("flash-attn-4", "flash_attn.cute", "flash_attn_func"),
        _package("sage", "sageattention", "sageattn", MAX_QUANTISED_ERROR, tensor_layout="NHD"),
    )
}
ORDER = {  # by major compute capability; 8-bit attention changes the result, so it is used on request only
    8: ("flash-attn-2", "flash"),  # Ampere and Ada
    9: ("cudnn", "flash-attn-3", "flash-attn-2", "flash"),  # Hopper
    10: ("flash-attn-4", "cudnn", "flash-attn-2", "flash"),  # Blackwell, data centre
    12: ("flash-attn-2", "cudnn", "flash"),  # Blackwell, GeForce
}
OTHERS = ("flash",)


def candidates(major: int, requested: str) -> tuple[Backend, ...]:
    """The backends to check, the best first: those installed, or the requested one (its name, or `auto`)."""
    if requested != "auto":
        return (BACKENDS[requested],)
    return tuple(backend for name in ORDER.get(major, OTHERS) if (backend := BACKENDS[name]).installed)
