"""The causal Wan transformer: kept tokens in, their prediction out (Wan 2.1, Self-Forcing; published parameter names).

It holds no stream state: a `CacheView` stores the keys and values and returns what to attend to. All functions take
any leading batch dimensions.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.config import Preset
from lipar_core.kernels.attention import attention
from lipar_core.kernels.linear_gelu import linear_gelu
from lipar_core.kernels.qk_norm_rope import qk_norm_rope
from lipar_core.kernels.residual_norm import modulated_norm, residual_norm
from lipar_core.kinds.wan import WanConfig
from lipar_core.models.interfaces import CacheView
from lipar_core.models.modulation import Modulation
from lipar_core.models.precision import Precision
from lipar_core.rope import RotaryTable
from lipar_core.weight_files import locate

TextKV = list[tuple[Tensor, Tensor]]  # per layer: keys and values of the prompt [..., S, H, D]


class CausalWan(nn.Module):
    """The network. `K` tokens of `patch_dim` = channels x patch x patch values, in (channel, row, column) order."""

    def __init__(self, config: WanConfig) -> None:
        super().__init__()
        self.config = config
        dim, patch = config.dim, config.patch
        self.patch_embedding = nn.Conv3d(config.channels, dim, (1, patch, patch), (1, patch, patch))
        self.text_embedding = nn.Sequential(
            nn.Linear(config.text_dim, dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(nn.Linear(config.time_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.head = Head(config)

    def rotary_table(self, rows: int, cols: int, device: torch.device) -> RotaryTable:
        return RotaryTable(self.config.head_dim, rows, cols, device)

    def modulation(self, timestep: float | Tensor) -> Modulation:
        """timestep: one number, or [B] for a batch."""
        like = self.patch_embedding.weight
        time = torch.as_tensor(timestep, dtype=torch.float64, device=like.device)
        embedded = self.time_embedding(_sinusoid(time, self.config.time_dim).to(like.dtype))  # [..., dim]
        six = self.time_projection(embedded).unflatten(-1, (6, -1)).movedim(-2, 0).unsqueeze(-2)  # [6, ..., 1, dim]
        layers = torch.stack([_broadcast(layer.modulation, six) + six for layer in self._layers])
        head = _broadcast(self.head.modulation, six) + embedded.unsqueeze(-2)
        return Modulation(_scales_plus_one(layers, 1, 4), _scales_plus_one(head[None], 1)[0])

    def text_kv(self, context: Tensor) -> TextKV:
        """context [..., S, text_dim] from the text encoder -> every layer's keys and values, once per prompt."""
        embedded = self.text_embedding(context.to(self.patch_embedding.weight.dtype))
        return [layer.cross_attn.keys_values(embedded) for layer in self._layers]

    def forward(
        self,
        tokens: Tensor,
        modulation: Modulation,
        rotary: Tensor,
        text: TextKV,
        cache: CacheView,
        out: Tensor | None = None,
    ) -> Tensor:
        """tokens [..., K, patch_dim], rotary [K, D] -> prediction [..., K, patch_dim], in `out` if given."""
        x, y = self._first_norm(tokens, modulation)
        for i, layer in enumerate(self._layers):
            x, y = layer(x, y, modulation.layers[i], modulation.next_norm(i), rotary, text[i], cache, i)
        by_channel: Tensor = self.head(y)
        if out is None:
            return by_channel.flatten(-2).to(tokens.dtype)
        out.view(by_channel.shape).copy_(by_channel)
        return out

    def fill_cache(
        self, tokens: Tensor, modulation: Modulation, rotary: Tensor, text: TextKV, cache: CacheView
    ) -> None:
        """The clean pass: it only stores keys and values, so the last layer stops after them."""
        x, y = self._first_norm(tokens, modulation)
        *layers, last = self._layers
        for i, layer in enumerate(layers):
            x, y = layer(x, y, modulation.layers[i], modulation.next_norm(i), rotary, text[i], cache, i)
        cache.update(len(layers), *last.self_attn.keys_values(y))

    @property
    def _layers(self) -> list["Layer"]:
        return [cast(Layer, layer) for layer in self.blocks]

    def _first_norm(self, tokens: Tensor, modulation: Modulation) -> tuple[Tensor, Tensor]:
        """The embedded tokens, and the same normalised for the first layer."""
        x = self._embed(tokens)
        return x, modulated_norm(x, *modulation.next_norm(-1), self.config.eps)

    def _embed(self, tokens: Tensor) -> Tensor:
        weight = self.patch_embedding.weight.flatten(1)
        return F.linear(tokens.to(weight.dtype), weight, self.patch_embedding.bias)


def load_wan(config: WanConfig, preset: Preset, device: torch.device, precision: Precision) -> CausalWan:
    """With the preset's LoRA files merged. Raises `CheckpointError`."""
    with MetaDevice():
        dit = CausalWan(config)
    loras = [(locate(lora.file), lora.scale) for lora in preset.weights.loras]
    load_network(dit, locate(preset.weights.transformer), "transformer", device, precision.linear, loras)
    return dit


class Layer(nn.Module):
    """Self-attention, cross-attention to the prompt, feed-forward."""

    def __init__(self, config: WanConfig) -> None:
        super().__init__()
        self.eps = config.eps
        self.self_attn = Attention(config)
        self.cross_attn = Attention(config)
        self.norm3 = nn.LayerNorm(config.dim, config.eps) if config.cross_attn_norm else nn.Identity()
        self.ffn = nn.Sequential(
            nn.Linear(config.dim, config.ffn_dim), nn.GELU(approximate="tanh"), nn.Linear(config.ffn_dim, config.dim)
        )
        self.modulation = nn.Parameter(torch.empty(1, 6, config.dim))
        nn.init.normal_(self.modulation, std=config.dim**-0.5)

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        modulation: Tensor,
        next_norm: tuple[Tensor, Tensor],
        rotary: Tensor,
        text: tuple[Tensor, Tensor],
        cache: CacheView,
        index: int,
    ) -> tuple[Tensor, Tensor]:
        """x, and the same normalised, y -> both for what follows: a sum and its norm are one operation."""
        _, _, gate1, shift2, scale2, gate2 = modulation.unbind(0)
        q, k, v = self.self_attn.rotated_projections(y, rotary)
        update = self.self_attn.merge(attention(q, *cache.update(index, k, v)))
        x, y = self._cross_attention_input(x, update, gate1)
        update = self.cross_attn.merge(attention(self.cross_attn.queries(y), *text))
        x, y = residual_norm(x, update, None, shift2, scale2, self.eps)
        return residual_norm(x, self._feed_forward(y), gate2, *next_norm, self.eps)

    def _feed_forward(self, y: Tensor) -> Tensor:
        enter, gelu, leave = self.ffn
        hidden = linear_gelu(y, enter.weight, enter.bias) if isinstance(enter, nn.Linear) else gelu(enter(y))
        return leave(hidden)  # type: ignore[no-any-return]

    def _cross_attention_input(self, x: Tensor, update: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
        """x + gate * update, and the same normalised if the model does so."""
        if isinstance(self.norm3, nn.LayerNorm):
            return residual_norm(x, update, gate, self.norm3.bias, self.norm3.weight, self.eps)
        x = torch.addcmul(x, gate, update)
        return x, x


class Attention(nn.Module):
    """The projections of an attention; q and k are RMS-normalised over the whole width."""

    def __init__(self, config: WanConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.eps = config.eps
        self.q = nn.Linear(config.dim, config.dim)
        self.k = nn.Linear(config.dim, config.dim)
        self.v = nn.Linear(config.dim, config.dim)
        self.o = nn.Linear(config.dim, config.dim)
        self.norm_q = RMSNorm(config.dim, config.eps) if config.qk_norm else nn.Identity()
        self.norm_k = RMSNorm(config.dim, config.eps) if config.qk_norm else nn.Identity()

    def queries(self, x: Tensor) -> Tensor:
        """[..., N, dim] -> [..., N, H, D]"""
        return self.norm_q(self.q(x)).unflatten(-1, (self.heads, -1))  # type: ignore[no-any-return]

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[..., N, dim] -> two of [..., N, H, D]"""
        split = (self.heads, -1)
        return self.norm_k(self.k(x)).unflatten(-1, split), self.v(x).unflatten(-1, split)

    def rotated_projections(self, x: Tensor, rotary: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[..., N, dim] -> queries rotated by rotary [N, D], un-rotated keys, values: [..., N, H, D]"""
        q_weight, k_weight = (norm.weight if isinstance(norm, RMSNorm) else None for norm in (self.norm_q, self.norm_k))
        q, k = qk_norm_rope(self.q(x), self.k(x), q_weight, k_weight, rotary, self.heads, self.eps)
        return q, k, self.v(x).unflatten(-1, (self.heads, -1))

    def merge(self, x: Tensor) -> Tensor:
        """[..., N, H, D] -> [..., N, dim]"""
        return self.o(x.flatten(-2))  # type: ignore[no-any-return]


class RMSNorm(nn.Module):
    """x / rms(x), times a weight."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.eps)


class Head(nn.Module):
    """Projection to a patch; its modulation is that of the norm before it."""

    def __init__(self, config: WanConfig) -> None:
        super().__init__()
        self.config = config
        self.head = nn.Linear(config.dim, config.patch_dim)
        self.modulation = nn.Parameter(torch.empty(1, 2, config.dim))
        nn.init.normal_(self.modulation, std=config.dim**-0.5)

    def forward(self, y: Tensor) -> Tensor:
        """y [..., K, dim] -> a patch's values [..., K, channels, patch * patch]."""
        # the published head orders them (row, column, channel), the embedding (channel, row, column)
        return self.head(y).unflatten(-1, (-1, self.config.channels)).transpose(-1, -2)  # type: ignore[no-any-return]


def _scales_plus_one(modulation: Tensor, *rows: int) -> Tensor:
    """modulation [n, rows, ...] with 1 added to these rows, which are what a norm's output is multiplied by."""
    offset = modulation.new_zeros(modulation.shape[1], *(1,) * (modulation.dim() - 2))
    offset[list(rows)] = 1
    return modulation + offset


def _broadcast(table: Tensor, like: Tensor) -> Tensor:
    """table [1, n, dim] -> [n, 1..., dim], to broadcast against `like` [6, ..., 1, dim]."""
    return table[0].reshape(table.shape[1], *(1,) * (like.dim() - 2), table.shape[2])


def _sinusoid(time: Tensor, dim: int) -> Tensor:
    """time [...] -> [..., dim]: cosines, then sines (float64)."""
    half = dim // 2
    frequencies = 10000.0 ** -(torch.arange(half, dtype=torch.float64, device=time.device) / half)
    angles = time.unsqueeze(-1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
