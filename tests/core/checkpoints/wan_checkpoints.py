"""Small Wan and TAEHV checkpoints in many layouts, and loading them."""

import pytest
import torch
from safetensors.torch import save_file

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.errors import CheckpointError
from lipar_core.models.taehv import TAEHV
from lipar_core.models.wan import CausalWan
from tests.tiny import tiny_models

MODELS = tiny_models()
WAN = MODELS.dit.state_dict()
CODEC = MODELS.codec.state_dict()
CPU = torch.device("cpu")
E4M3 = torch.float8_e4m3fn

# Our name of every weight to diffusers', written out rather than derived from the product's table.
TO_DIFFUSERS = {
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_embedding.2": "condition_embedder.time_embedder.linear_2",
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_projection.1": "condition_embedder.time_proj",
    "head.modulation": "scale_shift_table",
    "head.head": "proj_out",
    "self_attn": "attn1",
    "cross_attn": "attn2",
    ".q.": ".to_q.",
    ".k.": ".to_k.",
    ".v.": ".to_v.",
    ".o.": ".to_out.0.",
    "norm3": "norm2",
    "ffn.0": "ffn.net.0.proj",
    "ffn.2": "ffn.net.2",
    "modulation": "scale_shift_table",
}


def diffusers_name(name):
    for ours, theirs in TO_DIFFUSERS.items():
        name = name.replace(ours, theirs)
    return name


def prefixed(prefix, state=WAN):
    return {prefix + name: value.clone() for name, value in state.items()}


def save(path, tree):
    if path.suffix == ".safetensors":
        save_file(tree, path)
    else:
        torch.save(tree, path)
    return path


def load(path, part="transformer", dtype=torch.float32):
    with MetaDevice():
        module = CausalWan(MODELS.preset.transformer) if part == "transformer" else TAEHV(MODELS.preset.codec)
    load_network(module, path, part, CPU, dtype)
    return module.state_dict()


def rejection(path, part="transformer"):
    with pytest.raises(CheckpointError) as error:
        load(path, part)
    text = str(error.value)
    assert text.isprintable(), "one line without escape sequences"
    assert path.name.split("-")[0] in text
    return text


def assert_same(loaded, expected, **tolerance):
    assert loaded.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(loaded[name].float(), value.float(), **tolerance or {"rtol": 0, "atol": 0})
