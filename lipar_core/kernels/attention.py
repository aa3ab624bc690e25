"""Scaled dot-product attention on token-major queries, keys and values."""

import torch.nn.functional as F
from torch import Tensor, float32

from lipar_core.kernels.attention_backends import CHOICE


def attention(q: Tensor, k: Tensor, v: Tensor, present: Tensor | None = None) -> Tensor:
    """q [..., N, H, D], k and v [..., L, H, D] -> [..., N, H, D]; keys are masked where `present` [L] is False.

    Computed in the dtype of k and v, returned in that of q. The layout is token-major, as the linear layers output it.
    The backend that was chosen at start-up is used if it is applicable (CUDA, 16-bit, no masked keys), else PyTorch's
    own choice.
    """
    lead = q.shape[:-3]
    dtype = q.dtype
    q, k, v = (x.reshape(-1, *x.shape[-3:]) for x in (q.to(k.dtype), k, v))
    if CHOICE.backend is not None and present is None and q.is_cuda and q.dtype != float32:
        out = CHOICE.backend.run(q, k, v)
    else:
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        mask = None if present is None else present.expand(q.shape[-2], -1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)
    return out.reshape(*lead, *out.shape[1:]).to(dtype)
