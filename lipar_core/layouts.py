"""The names that published checkpoints give to the weights, brought to ours."""

import re
from collections import Counter
from typing import Literal

from torch import Tensor

from lipar_core.errors import CheckpointError

State = dict[str, Tensor]
Part = Literal["transformer", "codec", "text", "umt5"]

# A bundle keeps all networks in one file, told apart by these prefixes.
SECTIONS: dict[Part, tuple[str, ...]] = {
    "transformer": ("model.",),
    "codec": ("encoder.", "decoder.", "renderer."),
    "text": ("text.",),
    "umt5": (),
}
# What the keys of a network begin with; anything before is taken off where it is one of the known prefixes.
ROOTS: dict[Part, frozenset[str]] = {
    "transformer": frozenset(
        {"patch_embedding", "text_embedding", "time_embedding", "time_projection", "blocks", "head"}
    ),
    "codec": frozenset({"encoder", "decoder", "renderer"}),
    "text": frozenset({"embedding", "key", "queries", "out"}),
    "umt5": frozenset({"token_embedding", "blocks", "norm", "shared", "encoder"}),
}
# Components that a wrapper of PyTorch adds anywhere in a name: FSDP, torch.compile, activation checkpointing.
WRAPPERS = frozenset({"_fsdp_wrapped_module", "_orig_mod", "_checkpoint_wrapped_module"})
# Components that training scripts, DDP and other programs put before a network's names.
OUTER = frozenset(
    {"module", "generator", "generator_ema", "ema", "ema_model", "model_ema", "state_dict", "net", "base_model"}
)
PREFIXES: dict[Part, frozenset[str]] = {
    "transformer": OUTER | {"model", "diffusion_model", "transformer", "dit"},
    "codec": OUTER | {"model", "taehv", "vae", "first_stage_model"},
    "text": OUTER | {"model", "text"},
    "umt5": OUTER | {"model", "text_encoder", "text_encoders", "umt5xxl", "transformer"},
}
AVERAGED = "generator_ema."
# ComfyUI's files of a whole pipeline hold the other networks beside `model.diffusion_model.`.
PIPELINE = ("vae.", "first_stage_model.", "text_encoders.", "cond_stage_model.", "conditioner.", "clip_vision.")

# Diffusers' names of the same weights. Its norm2 is Wan's norm3, and its norm3 has no weights.
DIFFUSERS = (
    (r"condition_embedder\.time_embedder\.linear_1\.", "time_embedding.0."),
    (r"condition_embedder\.time_embedder\.linear_2\.", "time_embedding.2."),
    (r"condition_embedder\.text_embedder\.linear_1\.", "text_embedding.0."),
    (r"condition_embedder\.text_embedder\.linear_2\.", "text_embedding.2."),
    (r"condition_embedder\.time_proj\.", "time_projection.1."),
    (r"blocks\.(\d+)\.scale_shift_table", r"blocks.\1.modulation"),
    (r"scale_shift_table", "head.modulation"),
    (r"proj_out\.", "head.head."),
    (r"blocks\.(\d+)\.attn1\.to_([qkv])\.", r"blocks.\1.self_attn.\2."),
    (r"blocks\.(\d+)\.attn1\.to_out\.0\.", r"blocks.\1.self_attn.o."),
    (r"blocks\.(\d+)\.attn1\.norm_([qk])\.", r"blocks.\1.self_attn.norm_\2."),
    (r"blocks\.(\d+)\.attn2\.to_([qkv])\.", r"blocks.\1.cross_attn.\2."),
    (r"blocks\.(\d+)\.attn2\.to_out\.0\.", r"blocks.\1.cross_attn.o."),
    (r"blocks\.(\d+)\.attn2\.norm_([qk])\.", r"blocks.\1.cross_attn.norm_\2."),
    (r"blocks\.(\d+)\.norm2\.", r"blocks.\1.norm3."),
    (r"blocks\.(\d+)\.ffn\.net\.0\.proj\.", r"blocks.\1.ffn.0."),
    (r"blocks\.(\d+)\.ffn\.net\.2\.", r"blocks.\1.ffn.2."),
)
# Wan's own names of UMT5's weights, as Hugging Face calls them.
UMT5 = (
    (r"token_embedding\.", "shared."),
    (r"norm\.", "encoder.final_layer_norm."),
    (r"blocks\.(\d+)\.norm1\.", r"encoder.block.\1.layer.0.layer_norm."),
    (r"blocks\.(\d+)\.norm2\.", r"encoder.block.\1.layer.1.layer_norm."),
    (r"blocks\.(\d+)\.attn\.([qkvo])\.", r"encoder.block.\1.layer.0.SelfAttention.\2."),
    (
        r"blocks\.(\d+)\.pos_embedding\.embedding\.",
        r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias.",
    ),
    (r"blocks\.(\d+)\.ffn\.gate\.0\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_0."),
    (r"blocks\.(\d+)\.ffn\.fc1\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_1."),
    (r"blocks\.(\d+)\.ffn\.fc2\.", r"encoder.block.\1.layer.1.DenseReluDense.wo."),
)
RENAMED: dict[Part, tuple[tuple[str, str], ...]] = {"transformer": DIFFUSERS, "umt5": UMT5}
UMT5_TABLES = ("shared.weight", "encoder.embed_tokens.weight")  # one table under two names
UMT5_TOKENIZER = "spiece_model"  # ComfyUI keeps the tokenizer among the weights
DIFFUSERS_ROOTS = frozenset({"condition_embedder", "scale_shift_table", "proj_out"})


def section(state: State, part: Part) -> State:
    """One network's part of a state dict under our names; a file of that network alone is returned whole.

    Raises `CheckpointError` where two of its keys stand for the same weight.
    """
    names = {key: _without_wrappers(key) for key in state}
    if any(name.startswith(AVERAGED) for name in names.values()):
        names = {key: name for key, name in names.items() if name.startswith(AVERAGED)}
    names = {key: _without(name, OUTER, ROOTS[part]) for key, name in names.items()}
    chosen = {key: our_name(name, part) for key, name in _part_of(names, part).items()}
    twice = [name for name, count in Counter(chosen.values()).items() if count > 1]
    if twice:
        raise CheckpointError(f"two keys stand for {twice[0]}: {', '.join(k for k in chosen if chosen[k] == twice[0])}")
    named = {name: state[key] for key, name in chosen.items()}
    return _with_tied_table(named) if part == "umt5" else named


def _with_tied_table(state: State) -> State:
    """UMT5's state with its table of tokens under both of its names, and without the tokenizer."""
    state = {name: value for name, value in state.items() if name != UMT5_TOKENIZER}
    table = next((state[name] for name in UMT5_TABLES if name in state), None)
    return state if table is None else state | dict.fromkeys(UMT5_TABLES, table)


def our_name(name: str, part: Part) -> str:
    """A key's name in our modules; one that is not known keeps what is left of it."""
    roots = ROOTS[part] | DIFFUSERS_ROOTS if part == "transformer" else ROOTS[part]
    name = _without(_without_wrappers(name), PREFIXES[part], roots)
    for theirs, ours in RENAMED.get(part, ()):
        if re.match(theirs, name):
            return re.sub(rf"^{theirs}", ours, name)
    return name


def _part_of(names: dict[str, str], part: Part) -> dict[str, str]:
    """The keys of one network among several in a file."""
    if part == "transformer" and any(name.startswith("model.diffusion_model.") for name in names.values()):
        return {key: name for key, name in names.items() if not name.startswith(PIPELINE)}
    every = tuple(prefix for prefixes in SECTIONS.values() for prefix in prefixes)
    mine = SECTIONS[part]
    if not any(name.startswith(mine) for name in names.values()):
        return names
    return {key: name for key, name in names.items() if name.startswith(mine) or not name.startswith(every)}


def _without_wrappers(name: str) -> str:
    return ".".join(component for component in name.split(".") if component not in WRAPPERS)


def _without(name: str, prefixes: frozenset[str], roots: frozenset[str]) -> str:
    """The name without leading components that are prefixes, up to one that the network's own names begin with."""
    first, _, rest = name.partition(".")
    while rest and first in prefixes and first not in roots:
        name = rest
        first, _, rest = name.partition(".")
    return name
