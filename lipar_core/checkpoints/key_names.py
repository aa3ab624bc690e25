"""Maps the key names of published checkpoints to the names of our modules."""

import re
from collections import Counter
from typing import Literal

from torch import Tensor

from lipar_core.errors import CheckpointError

StateDict = dict[str, Tensor]
NetworkName = Literal["transformer", "codec", "text", "umt5"]

# A bundle holds all networks in one file, distinguished by these prefixes.
BUNDLE_PREFIXES: dict[NetworkName, tuple[str, ...]] = {
    "transformer": ("model.",),
    "codec": ("encoder.", "decoder.", "renderer."),
    "text": ("text.",),
    "umt5": (),
}
# First components of a network's keys; known prefixes before them are stripped.
ROOTS: dict[NetworkName, frozenset[str]] = {
    "transformer": frozenset(
        {"patch_embedding", "text_embedding", "time_embedding", "time_projection", "blocks", "head"}
    ),
    "codec": frozenset({"encoder", "decoder", "renderer"}),
    "text": frozenset({"embedding", "key", "queries", "out"}),
    "umt5": frozenset({"token_embedding", "blocks", "norm", "shared", "encoder"}),
}
# Components that PyTorch wrappers (FSDP, torch.compile, activation checkpointing) insert anywhere in a key.
WRAPPERS = frozenset({"_fsdp_wrapped_module", "_orig_mod", "_checkpoint_wrapped_module"})
# Components that training scripts, DDP and other programs put in front of a key.
TRAINING_PREFIXES = frozenset(
    {"module", "generator", "generator_ema", "ema", "ema_model", "model_ema", "state_dict", "net", "base_model"}
    | {"pipe", "student", "denoiser", "backbone"}
)
PREFIXES: dict[NetworkName, frozenset[str]] = {
    "transformer": TRAINING_PREFIXES | {"model", "diffusion_model", "transformer", "dit"},
    "codec": TRAINING_PREFIXES | {"model", "taehv", "vae", "first_stage_model"},
    "text": TRAINING_PREFIXES | {"model", "text"},
    "umt5": TRAINING_PREFIXES | {"model", "text_encoder", "text_encoders", "umt5xxl", "transformer"},
}
EMA_PREFIX = "generator_ema."
# ComfyUI's full-pipeline files hold other networks beside `model.diffusion_model.`.
PIPELINE_PREFIXES = (
    "vae.",
    "first_stage_model.",
    "text_encoders.",
    "cond_stage_model.",
    "conditioner.",
    "clip_vision.",
)

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
# The bundled file has the renderer with the decoder, so that `encoder.` and `decoder.` are the whole codec.
CODEC = ((r"decoder\.renderer\.", "renderer."),)
KEY_PATTERNS: dict[NetworkName, tuple[tuple[str, str], ...]] = {"transformer": DIFFUSERS, "codec": CODEC, "umt5": UMT5}
UMT5_TABLES = ("shared.weight", "encoder.embed_tokens.weight")  # tied: one table under two names
UMT5_TOKENIZER = "spiece_model"  # ComfyUI keeps the tokenizer among the weights
DIFFUSERS_ROOTS = frozenset({"condition_embedder", "scale_shift_table", "proj_out"})


def select_network(state: StateDict, part: NetworkName) -> StateDict:
    """One network's tensors of a state dict under our names; a file of that network alone is returned whole.

    Raises `CheckpointError` if two keys map to the same weight.
    """
    names = {key: _strip_wrappers(key) for key in state}
    if any(name.startswith(EMA_PREFIX) for name in names.values()):
        names = {key: name for key, name in names.items() if name.startswith(EMA_PREFIX)}
    names = {key: _strip_prefixes(name, TRAINING_PREFIXES, ROOTS[part]) for key, name in names.items()}
    chosen = {key: internal_name(name, part) for key, name in _keys_of_network(names, part).items()}
    duplicates = [name for name, count in Counter(chosen.values()).items() if count > 1]
    if duplicates:
        keys = ", ".join(key for key in chosen if chosen[key] == duplicates[0])
        raise CheckpointError(f"two keys map to {duplicates[0]}: {keys}")
    named = {name: state[key] for key, name in chosen.items()}
    return _with_tied_embedding(named) if part == "umt5" else named


def _with_tied_embedding(state: StateDict) -> StateDict:
    """UMT5's state dict with its token embedding under both names and without the tokenizer."""
    state = {name: value for name, value in state.items() if name != UMT5_TOKENIZER}
    table = next((state[name] for name in UMT5_TABLES if name in state), None)
    return state if table is None else state | dict.fromkeys(UMT5_TABLES, table)


def internal_name(name: str, part: NetworkName) -> str:
    """A key's name in our modules; an unknown key is returned without its known prefixes."""
    roots = ROOTS[part] | DIFFUSERS_ROOTS if part == "transformer" else ROOTS[part]
    name = _strip_prefixes(_strip_wrappers(name), PREFIXES[part], roots)
    for theirs, ours in KEY_PATTERNS.get(part, ()):
        if re.match(theirs, name):
            return re.sub(rf"^{theirs}", ours, name)
    return name


def _keys_of_network(names: dict[str, str], part: NetworkName) -> dict[str, str]:
    """The keys of one network in a file that may hold several."""
    if part == "transformer" and any(name.startswith("model.diffusion_model.") for name in names.values()):
        return {key: name for key, name in names.items() if not name.startswith(PIPELINE_PREFIXES)}
    all_prefixes = tuple(prefix for prefixes in BUNDLE_PREFIXES.values() for prefix in prefixes)
    own_prefixes = BUNDLE_PREFIXES[part]
    if not any(name.startswith(own_prefixes) for name in names.values()):
        return names
    return {
        key: name for key, name in names.items() if name.startswith(own_prefixes) or not name.startswith(all_prefixes)
    }


def _strip_wrappers(name: str) -> str:
    return ".".join(component for component in name.split(".") if component not in WRAPPERS)


def _strip_prefixes(name: str, prefixes: frozenset[str], roots: frozenset[str]) -> str:
    """The name without leading components in `prefixes`, up to the first that is in `roots`."""
    first, _, rest = name.partition(".")
    while rest and first in prefixes and first not in roots:
        name = rest
        first, _, rest = name.partition(".")
    return name
