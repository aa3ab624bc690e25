"""A block as published streaming code computes it, restated from its description: what `lipar bench` compares with.

Operation by operation: rotations in complex128 with factors built for every layer, norms in float32, a cache whose
frames are moved when the oldest ones leave, windows copied by boolean masks, numbers that the host reads from the
device, and a codec in float32 that decodes the block before again. x0 is the engine's but for rounding.
"""

import copy
import time
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.flow import CLEAN_TIMESTEP, add_noise, sigmas, timestep_of_sigma, x0_from_prediction, x0_weights
from lipar_core.models.loading import Models
from lipar_core.models.wan import Attention, CausalWan, Layer, RMSNorm
from lipar_core.noise import draw_noise
from lipar_core.parameters import Parameters
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.selection import Selection, select
from lipar_eval.moving_cache import MovingCache, rotary_factors, rotated


class PublishedLoop:
    """One stream, with keep masks that are given."""

    name = "published style"

    def __init__(self, models: Models, parameters: Parameters, force_keep: Callable[[int], Tensor]) -> None:
        assert isinstance(models.dit, CausalWan), "the published loop is of Wan"
        self.models, self.dit, self.parameters, self.force_keep = models, models.dit, parameters, force_keep
        self.stream, self.preset = models.preset.stream, models.preset
        self.codec = copy.deepcopy(models.codec).float()  # type: ignore[attr-defined]
        self.times_ms: list[float] = []
        self.reset()

    def reset(self) -> None:
        """Start a new stream."""
        self.cache = MovingCache(self.dit.config, self.stream, self.models.device, self.models.precision.attention)
        self.encoder = None
        self.latents: Tensor | None = None  # of the block before, in float32
        self.previous: Tensor | None = None
        self.blocks = 0
        context = self.models.prompts.encode(self.parameters.prompt).context
        self.text = self.dit.text_kv(context.to(self.models.device))

    def run(self, frames: Tensor, *, is_measured: bool) -> None:
        """Edit one block [N, 3, H, W]."""
        started = time.perf_counter()
        self.edit(frames)[0].sum().item()  # waits for the device
        if is_measured:
            self.times_ms.append((time.perf_counter() - started) * 1000)

    @torch.inference_mode()
    def edit(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """-> its frames [N, 3, H, W], and x0 [F * T, P]."""
        stream = self.stream
        encoded, self.encoder = self.codec.encode(frames.float()[None], self.encoder)
        source = patchify(encoded[0], stream.patch).flatten(0, 1)
        keep = self.force_keep(self.blocks).flatten(1) if self.blocks else None
        if keep is None:
            keep = torch.ones(stream.block_frames, stream.tokens_per_frame, dtype=torch.bool, device=frames.device)
        x0 = self._denoise(source, *select(keep))
        latents = unpatchify(x0.unflatten(0, (stream.block_frames, -1)), stream.patch, stream.rows)
        both = latents if self.latents is None else torch.cat([self.latents, latents])
        decoded, _ = self.codec.decode(both[None])
        self.latents, self.previous = latents, x0[-stream.tokens_per_frame :]
        self.blocks += 1
        return decoded[0, -stream.frames_per_block :].clamp(0, 1), x0

    def _denoise(self, source: Tensor, kept: Selection, refreshed: Selection) -> Tensor:
        """Denoising steps and clean pass of the next block."""
        schedule, stream = self.preset.schedule, self.stream
        self.cache.make_room(stream.block_frames)
        x0, steps = source, sigmas(schedule, self.parameters.strength, self.parameters.denoising_steps)
        for step, sigma in enumerate(steps):
            is_last = step == len(steps) - 1 and self.parameters.pruning.refresh_last_frame
            selection = refreshed if is_last else kept
            noise = draw_noise(torch.empty_like(source), self.parameters.seed, self.blocks, step)
            x = add_noise(x0, noise, sigma)[selection.index]
            prediction = self._forward(x, selection, timestep_of_sigma(sigma, schedule), is_clean=False)
            computed = x0_from_prediction(x, prediction.float(), x0_weights(sigma, schedule))
            before = [] if self.previous is None else [self.previous]
            x0 = torch.cat([computed, *before])[selection.source(stream.restore_from)]
        self._forward(x0[kept.index], kept, CLEAN_TIMESTEP, is_clean=True)
        self.cache.commit(stream.block_frames)
        return x0

    def _forward(self, tokens: Tensor, selection: Selection, timestep: float, *, is_clean: bool) -> Tensor:
        """tokens [K, P] -> prediction [K, P]"""
        modulation, eps = self.dit.modulation(timestep), self.dit.config.eps
        weight = self.dit.patch_embedding.weight.flatten(1)
        x = F.linear(tokens.to(weight.dtype), weight, self.dit.patch_embedding.bias)
        for number, module in enumerate(self.dit.blocks):
            layer = cast(Layer, module)
            shift1, scale1, gate1, shift2, scale2, gate2 = modulation.layers[number]
            x = x + gate1 * self._attend(layer.self_attn, _norm(x, eps) * scale1 + shift1, selection, number, is_clean)
            y = _norm(x, eps, layer.norm3) if isinstance(layer.norm3, nn.LayerNorm) else x
            cross = layer.cross_attn
            queries = _rms(cross.q(y), cross.norm_q).unflatten(-1, (cross.heads, -1))
            x = x + cross.merge(_attention(queries, *self.text[number]))
            x = x + gate2 * layer.ffn(_norm(x, eps) * scale2 + shift2)
        shift, scale = modulation.head
        prediction: Tensor = self.dit.head(_norm(x, eps) * scale + shift)
        return prediction.flatten(-2)

    def _attend(self, attn: Attention, y: Tensor, selection: Selection, layer: int, is_clean: bool) -> Tensor:
        split = attn.heads, -1
        q = _rms(attn.q(y), attn.norm_q).unflatten(-1, split)
        k = _rms(attn.k(y), attn.norm_k).unflatten(-1, split)
        v = attn.v(y).unflatten(-1, split)
        factors = rotary_factors(self.cache.block_positions, q.shape[-1], self.stream, y.device)
        keys, values = self.cache.update(layer, k, v, selection, factors, is_clean=is_clean)
        out = _attention(rotated(q, factors[selection.index]).to(values.dtype), keys, values)
        return attn.merge(out.to(y.dtype))


def _norm(x: Tensor, eps: float, affine: nn.LayerNorm | None = None) -> Tensor:
    """LayerNorm in float32."""
    weight, bias = (None, None) if affine is None else (affine.weight.float(), affine.bias.float())
    return F.layer_norm(x.float(), x.shape[-1:], weight, bias, eps).to(x.dtype)


def _rms(x: Tensor, norm: nn.Module) -> Tensor:
    """RMSNorm in float32, one operation after the other."""
    if not isinstance(norm, RMSNorm):
        return x
    y = x.float()
    return (y * torch.rsqrt(y.pow(2).mean(dim=-1, keepdim=True) + norm.eps)).to(x.dtype) * norm.weight


def _attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """[N, H, D], PyTorch's choice of implementation."""
    q, k, v = (value.transpose(0, 1)[None] for value in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1)
