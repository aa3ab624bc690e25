"""Repeats the recorded runs of golden files with this package's classes."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.checkpoints.checkpoint_file import StateDict
from lipar_core.checkpoints.key_names import select_network
from lipar_core.checkpoints.weights import load_into, transformer_config
from lipar_core.config import ScheduleConfig
from lipar_core.errors import CheckpointError
from lipar_core.flow import sigmas, timestep_of_sigma
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_core.models.wan import CausalWan
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import select
from lipar_core.runtime.denoise import BlockPlan, clean_pass, denoise_block, prepare_schedule
from lipar_core.runtime.passes import Passes

TensorPairs = dict[str, tuple[Tensor, Tensor]]  # ours and the recorded tensor, by name


@dataclass
class RecordedRun:
    """A recorded run that is repeated on a device in a dtype."""

    tensors: StateDict
    config: Mapping[str, object]
    device: torch.device
    dtype: torch.dtype

    def self_forcing(self) -> TensorPairs:
        pairs: TensorPairs = {}
        schedule = self._schedule()
        if "timesteps" in self.tensors:
            ours = [timestep_of_sigma(sigma, schedule) for sigma in sigmas(schedule)]
            # compared as sigmas, so that one tolerance fits all tensors
            pairs["timesteps"] = (
                torch.tensor(ours) / schedule.train_steps,
                self.tensors["timesteps"] / schedule.train_steps,
            )
        if "sched.sigmas" in self.tensors:
            count = len(self.tensors["sched.sigmas"])
            ours = [schedule.sigma(schedule.train_steps * (1 - k / count)) for k in range(count)]
            pairs["sched.sigmas"] = (torch.tensor(ours), self.tensors["sched.sigmas"])
        frames = self._config_int("blocks") * self._config_int("frames_per_block")
        source = self._tensor("source_latent").flatten(0, -4)
        sources = source.split(self._config_int("frames_per_block"))
        keep_all = torch.ones(self._config_int("frames_per_block"), self._tokens, dtype=torch.bool, device=self.device)
        # the published rollout attends to all frames; a file may specify a window
        cache = self._build_cache(
            self._config_int("sink_frames", 0),
            self._config_int("window_frames", frames),
            self._config_int("rope_cap_frames", frames),
        )
        pairs |= self._run_rollout(
            cache, list(sources), [keep_all] * len(sources), refresh=False, rule="previous_frame"
        )
        for layer in range(len(cache.k)):
            for name, ours_all in (("k_roped", cache.k), ("v", cache.v)):
                if (key := f"cache.layer{layer}.{name}") in self.tensors:
                    pairs[key] = (ours_all[layer].flatten(0, 1)[None], self.tensors[key])
        return pairs

    def lipar(self) -> TensorPairs:
        blocks = range(self._config_int("blocks"))
        cache = self._build_cache(
            self._config_int("sink_frames"), self._config_int("window_frames"), self._config_int("rope_cap_frames")
        )
        sources = [self._tensor(f"block{i}.source") for i in blocks]
        keeps = [self.tensors[f"block{i}.keep"].bool().flatten(1).to(self.device) for i in blocks]
        refresh = bool(self.config["refresh_last_frame"])
        rule = str(self.config["restore_from"])
        return self._run_rollout(cache, sources, keeps, refresh=refresh, rule=rule)

    def taehv(self) -> TensorPairs:
        latents = self._tensor("decoder_input")
        video = self._tensor("video")
        published = TAEHVConfig(latent_channels=latents.shape[2])
        recorded_stride = video.shape[-1] // self.tensors["latent"].shape[-1]
        codec = TAEHV(replace(published, unshuffle=recorded_stride // published.stride))
        weights = _strip_prefix(self.tensors, "weights.") or seeded_weights(codec)
        load_into(codec, select_network(weights, "codec"), "weights")
        codec = codec.to(self.device, self.dtype)
        codec.fold()
        pairs: TensorPairs = {"latent": (codec.encode(video)[0], self.tensors["latent"])}
        raw = codec.decode(latents)[0]
        if "decoder_raw" in self.tensors:
            pairs["decoder_raw"] = (raw, self.tensors["decoder_raw"])
        pairs["decoded"] = (raw[:, codec.config.lag_frames :].clamp(0, 1), self.tensors["decoded"])
        return pairs

    def _run_rollout(
        self, cache: KVCache, sources: list[Tensor], keeps: list[Tensor], *, refresh: bool, rule: str
    ) -> TensorPairs:
        """Run all blocks, each on the cache and x0 that this run produced."""
        pairs: TensorPairs = {}
        seen: list[tuple[Tensor, Tensor]] = []  # the network's input and output, per denoising step
        self._dit.register_forward_hook(lambda _, args, out: seen.append((args[0].clone(), out.clone())))
        patch = self._dit.config.patch
        rows = self._config_int("latent_h") // self._dit.config.patch
        schedule = self._schedule()
        steps = prepare_schedule(self._dit, sigmas(schedule), schedule)
        passes = Passes(self._dit, cache, keeps[0].shape[0], self.dtype)
        passes.set_text(self._dit.text_kv(self._tensor("context").reshape(-1, self._dit.config.text_dim)))
        previous: Tensor | None = None
        for i, (source, keep) in enumerate(zip(sources, keeps, strict=True)):
            kept, refreshed = select(keep)
            plan = BlockPlan(kept, refreshed if refresh else kept, True, rule)  # type: ignore[arg-type]
            frames = keep.shape[0]
            noise = [
                patchify(self._tensor(f"block{i}.noise{k}"), patch).flatten(0, -2) for k in range(len(steps.sigmas))
            ]
            cache.open(frames)
            seen.clear()
            x0 = denoise_block(passes, patchify(source, patch).flatten(0, -2), previous, plan, steps, noise)
            recorded = [(f"block{i}.x0", x0.clone())]
            if kept.all_kept:
                for step, (network_input, flow) in enumerate(seen):
                    recorded += [(f"block{i}.step{step}.input", network_input), (f"block{i}.step{step}.flow", flow)]
            for name, tokens in recorded:
                if name in self.tensors:
                    golden = self.tensors[name]
                    pairs[name] = (
                        unpatchify(tokens.unflatten(0, (frames, -1)), patch, rows).reshape(golden.shape),
                        golden,
                    )
            clean_pass(passes, x0, plan, steps)
            previous = x0[-keep.shape[1] :]
        return pairs

    def _build_cache(self, sink: int, window: int, cap: int) -> KVCache:
        config = transformer_config(self.config)
        self._dit = CausalWan(config)
        load_into(self._dit, select_network(_strip_prefix(self.tensors, "weights."), "transformer"), "weights")
        self._dit.to(self.device, self.dtype)
        rows, cols = self._config_int("latent_h") // config.patch, self._config_int("latent_w") // config.patch
        rope = self._dit.rotary_table(rows, cols, self.device)
        shape = (rows * cols, config.heads, config.head_dim)
        return KVCache(config.layers, sink, window, rope, cap, shape, self.dtype)

    @property
    def _tokens(self) -> int:
        patch = transformer_config(self.config).patch
        return (self._config_int("latent_h") // patch) * (self._config_int("latent_w") // patch)

    def _schedule(self) -> ScheduleConfig:
        steps = self.config["steps"]
        shift = self.config["shift"]
        if not isinstance(steps, list) or not isinstance(shift, (int, float)):
            raise CheckpointError(f"config steps = {steps!r}, shift = {shift!r}: must be a list and a number")
        return ScheduleConfig(steps=tuple(steps), shift=float(shift))

    def _config_int(self, name: str, default: int | None = None) -> int:
        value = self.config[name] if default is None else self.config.get(name, default)
        if not isinstance(value, int):
            raise CheckpointError(f"config {name} = {value!r}: must be a whole number")
        return value

    def _tensor(self, name: str) -> Tensor:
        return self.tensors[name].to(self.device, self.dtype)


def _strip_prefix(state: StateDict, prefix: str) -> StateDict:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def seeded_weights(codec: TAEHV) -> StateDict:
    """The weights that the golden TAEHV file specifies: seeded by name, scaled by fan-in."""
    weights: StateDict = {}
    for name, value in codec.state_dict().items():
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        scale = 0.9 / math.sqrt(value[0].numel()) if value.dim() > 1 else 0.02
        weights[name] = torch.randn(value.shape, generator=generator) * scale
    return weights
