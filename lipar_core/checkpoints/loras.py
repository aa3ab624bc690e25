"""LoRA files: low-rank updates of the transformer's weights, merged at load time.

Supported key names: kohya's scripts (`lora_unet_blocks_0_self_attn_q.lora_down.weight`), diffusers and PEFT
(`transformer.blocks.0.attn1.to_q.lora_A.weight`) and ComfyUI (`diffusion_model.blocks.0.self_attn.q.lora_A.weight`,
`.diff`, `.diff_b`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from lipar_core.checkpoints.checkpoint_file import read_tensors
from lipar_core.checkpoints.file_formats import is_safetensors
from lipar_core.checkpoints.key_names import DIFFUSERS, internal_name
from lipar_core.checkpoints.quantised import is_finite
from lipar_core.errors import CheckpointError

Shapes = Mapping[str, torch.Size]
Parts = Mapping[str, tuple[str, Tensor]]  # role -> the key and tensor that have it

ROLES = {
    **dict.fromkeys((".lora_A.weight", ".lora_A.default.weight", ".lora_down.weight", ".lora.down.weight"), "down"),
    **dict.fromkeys((".lora_B.weight", ".lora_B.default.weight", ".lora_up.weight", ".lora.up.weight"), "up"),
    **dict.fromkeys((".alpha",), "alpha"),
    **dict.fromkeys((".diff",), "weight"),  # the full-rank delta
    **dict.fromkeys((".diff_b", ".lora_B.bias", ".lora_B.default.bias"), "bias"),
}
UNSUPPORTED = {"hada_": "LoHa", "lokr_": "LoKr", "dora_scale": "DoRA", "magnitude_vector": "DoRA", "oft_": "OFT"}
FLAT_PREFIXES = ("lora_unet_", "lora_transformer_", "lycoris_")  # then the module's name, underscores for dots
PEFT_METADATA = "lora_adapter_metadata"  # JSON, written by diffusers


@dataclass(frozen=True, slots=True)
class WeightDelta:
    """Added to one weight: `factor` x `up` @ `down`, or `factor` x `up` if `down` is None."""

    up: Tensor
    down: Tensor | None
    factor: float

    def apply_to(self, value: Tensor) -> Tensor:
        """weight + delta, computed in float32."""
        delta = self.up.float()
        if self.down is not None:
            delta = delta.flatten(1) @ self.down.float().flatten(1)
        return value.float() + self.factor * delta.reshape(value.shape).to(value.device)


def read_lora(path: Path, scale: float, shapes: Shapes) -> dict[str, WeightDelta]:
    """A file's deltas by weight name, given the model's weight `shapes`.

    Raises `CheckpointError` naming a key that does not fit.
    """
    modules: dict[str, dict[str, tuple[str, Tensor]]] = {}
    state = read_tensors(path)
    try:
        for key, value in state.items():
            name, role = _module_and_role(key, shapes)
            if not is_finite(value):
                raise CheckpointError(f"key {key} holds NaN or Inf")
            if role in modules.setdefault(name, {}):
                raise CheckpointError(f"keys {modules[name][role][0]} and {key} are for the same weight")
            modules[name][role] = key, value
        alpha = _default_alpha(path)
        deltas: dict[str, WeightDelta] = {}
        for name, parts in modules.items():
            deltas |= _module_deltas(name, parts, scale, alpha, shapes)
    except CheckpointError as error:
        raise CheckpointError(f"LoRA {path}: {error}") from error
    return deltas


def _module_and_role(key: str, shapes: Shapes) -> tuple[str, str]:
    """The module that a key belongs to, and the key's role in it."""
    kind = next((kind for mark, kind in UNSUPPORTED.items() if mark in key), None)
    if kind:
        raise CheckpointError(f"key {key} is of a {kind}, which is not supported")
    for suffix, role in ROLES.items():
        if key.endswith(suffix):
            name = _module_name(key.removesuffix(suffix), shapes)
            if name:
                return name, role
    raise CheckpointError(f"unexpected key {key}")


def _module_name(theirs: str, shapes: Shapes) -> str | None:
    """Our name of a module; None for an unknown one."""
    prefix = next((prefix for prefix in FLAT_PREFIXES if theirs.startswith(prefix)), None)
    if prefix is None:
        name = internal_name(f"{theirs}.weight", "transformer").removesuffix(".weight")
        return name if _module_exists(name, shapes) else None
    flat = {name.rpartition(".")[0].replace(".", "_"): name.rpartition(".")[0] for name in shapes}
    name = theirs.removeprefix(prefix)
    for pattern, ours in DIFFUSERS:
        name = re.sub("^" + pattern.replace(r"\.", "_") + "$", ours, f"{name}_").rstrip("_.").replace(".", "_")
    return flat.get(name)


def _module_exists(name: str, shapes: Shapes) -> bool:
    return name in shapes or f"{name}.weight" in shapes


def _module_deltas(
    name: str, parts: Parts, scale: float, alpha: float | None, shapes: Shapes
) -> dict[str, WeightDelta]:
    weight = f"{name}.weight" if f"{name}.weight" in shapes else name
    deltas: dict[str, WeightDelta] = {}
    if "down" in parts or "up" in parts:
        if "weight" in parts:
            raise CheckpointError(f"key {parts['weight'][0]} is given beside a low-rank update")
        deltas[weight] = _low_rank_delta(parts, scale, alpha)
    for role, target in (("weight", weight), ("bias", f"{name}.bias")):
        if role in parts:
            deltas[target] = WeightDelta(parts[role][1], None, scale)
    for target, delta in deltas.items():
        _check_shape(target, delta, [key for key, _ in parts.values()], shapes)
    return deltas


def _low_rank_delta(parts: Parts, scale: float, default_alpha: float | None) -> WeightDelta:
    for role, other in (("down", "up"), ("up", "down")):
        if role not in parts:
            raise CheckpointError(f"key {parts[other][0]} is given without its counterpart")
    down_key, down = parts["down"]
    up_key, up = parts["up"]
    if down.dim() < 2 or up.dim() < 2 or down.shape[0] != up.shape[1]:
        raise CheckpointError(
            f"key {down_key} has shape {list(down.shape)}, {up_key} {list(up.shape)}: the ranks must agree"
        )
    rank = down.shape[0]
    alpha = float(parts["alpha"][1]) if "alpha" in parts else default_alpha
    return WeightDelta(up, down, scale * (1.0 if alpha is None else alpha / rank))


def _check_shape(target: str, delta: WeightDelta, keys: list[str], shapes: Shapes) -> None:
    if target not in shapes:
        raise CheckpointError(f"key {keys[0]} is for {target}, which the model does not have")
    shape = list(delta.up.shape)
    if delta.down is not None:
        shape = [delta.up.shape[0], *delta.down.shape[1:]]
    if shape != list(shapes[target]):
        raise CheckpointError(
            f"key {keys[0]} is for a weight of shape {shape}, the model's {target} has {list(shapes[target])}"
        )


def _default_alpha(path: Path) -> float | None:
    """Alpha of layers that have none: PEFT stores one for all layers in the file's metadata."""
    if not path.is_file() or not is_safetensors(path):
        return None
    with safe_open(path, framework="pt") as file:
        metadata = (file.metadata() or {}).get(PEFT_METADATA)
    if metadata is None:
        return None
    try:
        values = {key.rpartition(".")[2]: value for key, value in json.loads(metadata).items()}
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"its {PEFT_METADATA} is not a JSON object") from error
    for name in ("alpha_pattern", "use_rslora", "use_dora"):
        if values.get(name):
            raise CheckpointError(f"its {PEFT_METADATA} has {name}, which is not supported")
    alpha = values.get("lora_alpha")
    return None if alpha is None else float(alpha)


def merge_deltas(name: str, value: Tensor, deltas: Sequence[WeightDelta]) -> Tensor:
    """A weight plus its deltas, in its own dtype; raises `CheckpointError` if the result is not finite."""
    total = value
    for delta in deltas:
        total = delta.apply_to(total)
    total = total.to(value.dtype)
    if not is_finite(total):
        raise CheckpointError(f"LoRA: {name} holds NaN or Inf after merging")
    return total


def read_loras(files: Sequence[tuple[Path, float]], shapes: Shapes) -> dict[str, list[WeightDelta]]:
    """The deltas of several files, each at its scale, by weight name."""
    deltas: dict[str, list[WeightDelta]] = {}
    for path, scale in files:
        for name, delta in read_lora(path, scale, shapes).items():
            deltas.setdefault(name, []).append(delta)
    return deltas
