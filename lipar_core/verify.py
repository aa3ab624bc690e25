"""Golden files: recorded runs of the published models, repeated with this package's classes."""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lipar_core.checkpoints.checkpoint_file import StateDict
from lipar_core.checkpoints.key_names import select_network
from lipar_core.checkpoints.weights import load_into, transformer_config
from lipar_core.config import CodecConfig, ScheduleConfig
from lipar_core.errors import CheckpointError, ConfigError
from lipar_core.flow import sigmas, timestep_of_sigma
from lipar_core.models.taehv import TAEHV
from lipar_core.models.wan import CausalWan
from lipar_core.patches import patchify, unpatchify
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import select
from lipar_core.rope import RotaryTable
from lipar_core.runtime.denoise import BlockPlan, clean_pass, denoise_block, prepare_schedule

BF16_TOLERANCE = 2e-2  # relative L2, the only bound for 16-bit runs


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The deviation of this install from a recording."""

    path: Path
    kind: str
    error: float
    tolerance: float
    measure: str  # "max abs", "max rel" or "rel L2"
    worst: str  # the tensor with the largest error

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance  # NaN never passes


def verify_file(path: Path, device: str = "cpu", dtype: str | None = None) -> VerificationResult:
    """Recognise a golden file's kind by its tensors, repeat its run and compare; raises `CheckpointError`."""
    tensors, config = _read_golden_file(path)
    dtype = dtype or str(config.get("dtype", "float32"))  # as recorded, unless overridden
    if dtype not in ("float32", "bfloat16", "float16"):
        raise CheckpointError(f"{path}: config dtype = {dtype!r}: must be float32, bfloat16 or float16")
    run = RecordedRun(tensors, config, torch.device(device), getattr(torch, dtype))
    if "source_latent" in tensors:
        kind, pairs, tolerance, measure = "Self-Forcing rollout", run.self_forcing, 1e-5, "max abs"
    elif "block0.keep" in tensors:
        kind, pairs, tolerance, measure = "LIPAR rollout", run.lipar, 1e-5, "max abs"
    elif "decoder_input" in tensors:
        kind, pairs, tolerance, measure = "TAEHV", run.taehv, 1e-4, "max rel"
    else:
        raise CheckpointError(f"{path}: not a golden file (it has none of source_latent, block0.keep, decoder_input)")
    if run.dtype != torch.float32:
        tolerance, measure = BF16_TOLERANCE, "rel L2"
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        with torch.inference_mode():
            errors = {name: _max_error(ours, golden, measure) for name, (ours, golden) in pairs().items()}
    except KeyError as error:
        raise CheckpointError(f"{path}: {error.args[0]} is missing") from error
    except (ConfigError, CheckpointError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
    worst = max(errors, key=lambda name: math.inf if math.isnan(errors[name]) else errors[name])
    return VerificationResult(path, kind, errors[worst], tolerance, measure, worst)


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
        refresh, rule = bool(self.config["refresh_last_frame"]), str(self.config["restore_from"])
        return self._run_rollout(cache, sources, keeps, refresh=refresh, rule=rule)

    def taehv(self) -> TensorPairs:
        latents, video = self._tensor("decoder_input"), self._tensor("video")
        published = CodecConfig(latent_channels=latents.shape[2])
        recorded_stride = video.shape[-1] // self.tensors["latent"].shape[-1]
        codec = TAEHV(replace(published, unshuffle=recorded_stride // published.stride))
        weights = _strip_prefix(self.tensors, "weights.") or seeded_weights(codec)
        load_into(codec, select_network(weights, "codec"), "weights")
        codec = codec.to(self.device, self.dtype)
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
        self._dit.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
        patch, rows = self._dit.config.patch, self._config_int("latent_h") // self._dit.config.patch
        schedule = self._schedule()
        steps = prepare_schedule(self._dit, sigmas(schedule), schedule)
        text = self._dit.text_kv(self._tensor("context").reshape(-1, self._dit.config.text_dim))
        previous: Tensor | None = None
        for i, (source, keep) in enumerate(zip(sources, keeps, strict=True)):
            kept, refreshed = select(keep)
            plan = BlockPlan(kept, refreshed if refresh else kept, True, rule)  # type: ignore[arg-type]
            frames = keep.shape[0]

            def noise(step: int, block: int = i) -> Tensor:
                return patchify(self._tensor(f"block{block}.noise{step}"), patch).flatten(0, -2)

            cache.open(frames)
            seen.clear()
            x0 = denoise_block(
                self._dit, cache, patchify(source, patch).flatten(0, -2), previous, plan, steps, text, noise
            )
            recorded = [(f"block{i}.x0", x0)]
            if kept.all_kept:
                for step, (given, flow) in enumerate(seen):
                    recorded += [(f"block{i}.step{step}.input", given), (f"block{i}.step{step}.flow", flow)]
            for name, tokens in recorded:
                if name in self.tensors:
                    golden = self.tensors[name]
                    pairs[name] = (
                        unpatchify(tokens.unflatten(0, (frames, -1)), patch, rows).reshape(golden.shape),
                        golden,
                    )
            clean_pass(self._dit, cache, x0, plan, steps, text)
            previous = x0[-keep.shape[1] :]
        return pairs

    def _build_cache(self, sink: int, window: int, cap: int) -> KVCache:
        config = transformer_config(self.config)
        self._dit = CausalWan(config)
        load_into(self._dit, select_network(_strip_prefix(self.tensors, "weights."), "transformer"), "weights")
        self._dit.to(self.device, self.dtype)
        rows, cols = self._config_int("latent_h") // config.patch, self._config_int("latent_w") // config.patch
        rope = RotaryTable(config.head_dim, rows, cols, self.device)
        shape = (rows * cols, config.heads, config.head_dim)
        return KVCache(config.layers, sink, window, rope, cap, shape, self.dtype)

    @property
    def _tokens(self) -> int:
        patch = transformer_config(self.config).patch
        return (self._config_int("latent_h") // patch) * (self._config_int("latent_w") // patch)

    def _schedule(self) -> ScheduleConfig:
        steps, shift = self.config["steps"], self.config["shift"]
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


def _read_golden_file(path: Path) -> tuple[StateDict, Mapping[str, object]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            config = json.loads((file.metadata() or {}).get("config", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: unreadable ({' '.join(str(error).split())[:200]})") from error
    return tensors, config


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


def _max_error(ours: Tensor, golden: Tensor, measure: str) -> float:
    a, b = ours.detach().double().cpu(), golden.double().cpu()
    if a.shape != b.shape:
        raise CheckpointError(f"shape {list(b.shape)} recorded, {list(a.shape)} computed")
    if measure == "rel L2":
        return float((a - b).norm() / b.norm())
    worst = (a - b).abs().max()
    return float(worst / b.abs().max() if measure == "max rel" else worst)
