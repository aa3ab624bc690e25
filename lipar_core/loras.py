"""LoRA files: low-rank changes of the transformer's weights, merged when it is loaded.

Read are the names of kohya's scripts (`lora_unet_blocks_0_self_attn_q.lora_down.weight`), of diffusers and PEFT
(`transformer.blocks.0.attn1.to_q.lora_A.weight`) and of ComfyUI (`diffusion_model.blocks.0.self_attn.q.lora_A.weight`,
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

from lipar_core.checkpoint_file import read_tensors
from lipar_core.errors import CheckpointError
from lipar_core.foreign_files import is_safetensors
from lipar_core.layouts import DIFFUSERS, our_name
from lipar_core.quantised import is_finite

Shapes = Mapping[str, torch.Size]

ROLES = {
    **dict.fromkeys((".lora_A.weight", ".lora_A.default.weight", ".lora_down.weight", ".lora.down.weight"), "down"),
    **dict.fromkeys((".lora_B.weight", ".lora_B.default.weight", ".lora_up.weight", ".lora.up.weight"), "up"),
    **dict.fromkeys((".alpha",), "alpha"),
    **dict.fromkeys((".diff",), "weight"),  # the change itself, not factored
    **dict.fromkeys((".diff_b", ".lora_B.bias", ".lora_B.default.bias"), "bias"),
}
NOT_MERGED = {"hada_": "LoHa", "lokr_": "LoKr", "dora_scale": "DoRA", "magnitude_vector": "DoRA", "oft_": "OFT"}
FLAT = ("lora_unet_", "lora_transformer_", "lycoris_")  # then the module's name with underscores for dots
PEFT_METADATA = "lora_adapter_metadata"  # JSON, where diffusers has written the file


@dataclass(frozen=True, slots=True)
class Change:
    """What is added to one weight: `factor` x `up` @ `down`, or `factor` x `up` where there is no `down`."""

    up: Tensor
    down: Tensor | None
    factor: float

    def added_to(self, value: Tensor) -> Tensor:
        """The changed weight, computed in float32."""
        change = self.up.float()
        if self.down is not None:
            change = change.flatten(1) @ self.down.float().flatten(1)
        return value.float() + self.factor * change.reshape(value.shape).to(value.device)


def read_lora(path: Path, scale: float, shapes: Shapes) -> dict[str, Change]:
    """The changes of a file by the names of the weights that they are of.

    shapes: of the weights that there are. Raises `CheckpointError` for what does not fit, naming the key.
    """
    modules: dict[str, dict[str, tuple[str, Tensor]]] = {}
    state = read_tensors(path)
    try:
        for key, value in state.items():
            name, role = _target(key, shapes)
            if not is_finite(value):
                raise CheckpointError(f"key {key} holds NaN or Inf")
            if role in modules.setdefault(name, {}):
                raise CheckpointError(f"keys {modules[name][role][0]} and {key} stand for the same")
            modules[name][role] = key, value
        alpha = _default_alpha(path)
        changes: dict[str, Change] = {}
        for name, parts in modules.items():
            changes |= _changes(name, parts, scale, alpha, shapes)
    except CheckpointError as error:
        raise CheckpointError(f"LoRA {path}: {error}") from error
    return changes


def _target(key: str, shapes: Shapes) -> tuple[str, str]:
    """The module that a key is about, and what the key is of it."""
    kind = next((kind for mark, kind in NOT_MERGED.items() if mark in key), None)
    if kind:
        raise CheckpointError(f"key {key} is of a {kind}, which is not merged")
    for suffix, role in ROLES.items():
        if key.endswith(suffix):
            name = _module(key.removesuffix(suffix), shapes)
            if name:
                return name, role
    raise CheckpointError(f"unexpected key {key}")


def _module(theirs: str, shapes: Shapes) -> str | None:
    """Our name of a module, None for one that we don't have."""
    prefix = next((prefix for prefix in FLAT if theirs.startswith(prefix)), None)
    if prefix is None:
        name = our_name(f"{theirs}.weight", "transformer").removesuffix(".weight")
        return name if _has(name, shapes) else None
    flat = {name.rpartition(".")[0].replace(".", "_"): name.rpartition(".")[0] for name in shapes}
    name = theirs.removeprefix(prefix)
    for pattern, ours in DIFFUSERS:
        name = re.sub("^" + pattern.replace(r"\.", "_") + "$", ours, f"{name}_").rstrip("_.").replace(".", "_")
    return flat.get(name)


def _has(name: str, shapes: Shapes) -> bool:
    return name in shapes or f"{name}.weight" in shapes


def _changes(
    name: str, parts: Mapping[str, tuple[str, Tensor]], scale: float, alpha: float | None, shapes: Shapes
) -> dict[str, Change]:
    weight = f"{name}.weight" if f"{name}.weight" in shapes else name
    changes: dict[str, Change] = {}
    if "down" in parts or "up" in parts:
        if "weight" in parts:
            raise CheckpointError(f"key {parts['weight'][0]} is given beside a change of low rank")
        changes[weight] = _low_rank(name, parts, scale, alpha)
    for role, target in (("weight", weight), ("bias", f"{name}.bias")):
        if role in parts:
            changes[target] = Change(parts[role][1], None, scale)
    for target, change in changes.items():
        _check_shape(target, change, [key for key, _ in parts.values()], shapes)
    return changes


def _low_rank(name: str, parts: Mapping[str, tuple[str, Tensor]], scale: float, default_alpha: float | None) -> Change:
    for role, other in (("down", "up"), ("up", "down")):
        if role not in parts:
            raise CheckpointError(f"key {parts[other][0]} is given without its counterpart")
    (down_key, down), (up_key, up) = parts["down"], parts["up"]
    if down.dim() < 2 or up.dim() < 2 or down.shape[0] != up.shape[1]:
        raise CheckpointError(
            f"key {down_key} has shape {list(down.shape)}, {up_key} {list(up.shape)}: the ranks must agree"
        )
    rank = down.shape[0]
    alpha = float(parts["alpha"][1]) if "alpha" in parts else default_alpha
    return Change(up, down, scale * (1.0 if alpha is None else alpha / rank))


def _check_shape(target: str, change: Change, keys: list[str], shapes: Shapes) -> None:
    if target not in shapes:
        raise CheckpointError(f"key {keys[0]} changes {target}, which the model has not")
    given = list(change.up.shape)
    if change.down is not None:
        given = [change.up.shape[0], *change.down.shape[1:]]
    if given != list(shapes[target]):
        raise CheckpointError(
            f"key {keys[0]} is for a weight of shape {given}, the model's {target} has {list(shapes[target])}"
        )


def _default_alpha(path: Path) -> float | None:
    """Alpha for layers without one of their own: PEFT keeps one for all, beside the tensors."""
    if not path.is_file() or not is_safetensors(path):
        return None
    with safe_open(path, framework="pt") as file:
        metadata = (file.metadata() or {}).get(PEFT_METADATA)
    if metadata is None:
        return None
    try:
        values = {key.rpartition(".")[2]: value for key, value in json.loads(metadata).items()}
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"its {PEFT_METADATA} is no JSON table") from error
    for name in ("alpha_pattern", "use_rslora", "use_dora"):
        if values.get(name):
            raise CheckpointError(f"its {PEFT_METADATA} has {name}, which is not merged")
    alpha = values.get("lora_alpha")
    return None if alpha is None else float(alpha)


def merged(name: str, value: Tensor, changes: Sequence[Change]) -> Tensor:
    """A weight with its changes, in its own dtype; raises `CheckpointError` where they are not finite."""
    total = value
    for change in changes:
        total = change.added_to(total)
    total = total.to(value.dtype)
    if not is_finite(total):
        raise CheckpointError(f"LoRA: with its change, {name} holds NaN or Inf")
    return total


def read_loras(files: Sequence[tuple[Path, float]], shapes: Shapes) -> dict[str, list[Change]]:
    """The changes of several files, each at its scale, by weight."""
    changes: dict[str, list[Change]] = {}
    for path, scale in files:
        for name, change in read_lora(path, scale, shapes).items():
            changes.setdefault(name, []).append(change)
    return changes
