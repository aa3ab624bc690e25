"""Scaled dot-product attention on token-major queries, keys and values."""

import torch.nn.functional as F
from torch import Tensor, float32

try:
    from flash_attn import flash_attn_func
except ImportError:
    flash_attn_func = None

HAS_FLASH_ATTENTION = flash_attn_func is not None


def attention(q: Tensor, k: Tensor, v: Tensor, present: Tensor | None = None) -> Tensor:
    """q [..., N, H, D], k and v [..., L, H, D] -> [..., N, H, D]; keys are masked where `present` [L] is False.

    Computed in the dtype of k and v, returned in that of q. The layout is token-major, as the linear layers output it.
    FlashAttention is used if it is installed and applicable (CUDA, 16-bit, no masked keys), else PyTorch's kernels.
    """
    lead = q.shape[:-3]
    dtype = q.dtype
    q, k, v = (x.reshape(-1, *x.shape[-3:]) for x in (q.to(k.dtype), k, v))
    if flash_attn_func is not None and present is None and q.is_cuda and q.dtype != float32:
        out: Tensor = flash_attn_func(q, k, v)
    else:
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        mask = None if present is None else present.expand(q.shape[-2], -1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)
    return out.reshape(*lead, *out.shape[1:]).to(dtype)
