"""Common checkpoint layouts: loaded with the right values, or rejected in one line."""

import argparse
import gzip
import json
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lipar_core.checkpoints.key_names import DIFFUSERS
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


def refusal(path, part="transformer"):
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


PREFIXES = [
    *("", "model.", "module.", "_orig_mod.", "model._orig_mod.", "module._orig_mod.", "_orig_mod.module."),
    *("model.diffusion_model.", "diffusion_model.", "generator.", "generator.model.", "generator_ema.model."),
    *("model._fsdp_wrapped_module.", "_fsdp_wrapped_module.model._fsdp_wrapped_module.", "module.model.", "dit."),
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_prefixes(tmp_path, prefix, suffix):
    assert_same(load(save(tmp_path / f"a{suffix}", prefixed(prefix))), WAN)


def test_wrappers_inside_names(tmp_path):
    """FSDP, torch.compile and activation checkpointing wrap each layer."""
    for component in ("_fsdp_wrapped_module", "_orig_mod", "_checkpoint_wrapped_module"):
        state = {"model." + k.replace("blocks.0.", f"blocks.0.{component}."): v for k, v in WAN.items()}
        assert_same(load(save(tmp_path / "a.pt", state)), WAN)


@pytest.mark.parametrize(
    "nest",
    [
        lambda state: {"generator_ema": state, "generator": {"model.blocks": torch.zeros(1)}, "step": 3},
        lambda state: {"generator": state, "generator_ema": None, "critic": {"a": torch.zeros(1)}},
        lambda state: {"generator": state, "generator_ema": {}},
        lambda state: {"state_dict": {f"generator.{k}": v for k, v in state.items()}, "epoch": 1},
        lambda state: {"model": {"module": state}, "optimizer": {"state": {}, "param_groups": []}},
        lambda state: {"generator_ema": {**state, "step": 3}, "config": argparse.Namespace(lr=1e-4)},
        lambda state: {"generator_ema": state, "rng": np.random.get_state(), "loss": np.float64(0.5)},
        lambda state: {**state, "step": np.int64(3), "history": np.zeros(3, dtype=np.float32)},
        lambda state: {k: torch.nn.Parameter(v) for k, v in state.items()},
    ],
)
def test_training_states(tmp_path, nest):
    for suffix in (".pt", ".safetensors"):  # the contents say what a file is, not its name
        path = tmp_path / f"a{suffix}"
        torch.save(nest(prefixed("model.")), path)
        assert_same(load(path), WAN)


def test_numpy_before_version_2_is_read(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"generator": WAN, "loss": np.float64(0.5)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert_same(load(path), WAN)


def test_averaged_weights_are_preferred_in_flat_names(tmp_path):
    both = {f"generator.model.{k}": torch.zeros_like(v) for k, v in WAN.items()} | prefixed("generator_ema.model.")
    assert_same(load(save(tmp_path / "a.safetensors", both)), WAN)


def test_two_keys_for_one_weight_are_rejected(tmp_path):
    path = save(tmp_path / "a.safetensors", prefixed("model.") | prefixed("diffusion_model."))
    assert "two keys map to" in refusal(path)


@pytest.mark.parametrize("prefix", ["", "transformer.", "model."])
def test_the_diffusers_layout(tmp_path, prefix):
    state = {prefix + diffusers_name(name): value.clone() for name, value in WAN.items()}
    assert len(state) == len(WAN)
    assert_same(load(save(tmp_path / "a.safetensors", state)), WAN)
    assert len(DIFFUSERS) == len({theirs for theirs, _ in DIFFUSERS})


def test_a_full_pipeline_in_one_file(tmp_path):
    others = {f"{name}.a.weight": torch.zeros(2) for name in ("vae", "first_stage_model", "text_encoders.umt5xxl")}
    assert_same(load(save(tmp_path / "a.safetensors", prefixed("model.diffusion_model.") | others)), WAN)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("target", [torch.float32, torch.bfloat16])
def test_dtypes(tmp_path, dtype, target):
    stored = {name: value.to(dtype) for name, value in WAN.items()}
    loaded = load(save(tmp_path / "a.safetensors", stored), dtype=target)
    assert {value.dtype for value in loaded.values()} == {target}
    assert_same(loaded, {name: value.to(target) for name, value in stored.items()})


def float8(scale_name=None, rows=False, marker=False):
    """The state dict with 8-bit matrices, as ComfyUI stores them, and its dequantised values."""
    state, expected = {}, {}
    for name, value in WAN.items():
        if value.dim() != 2:
            state[name], expected[name] = value.clone(), value
            continue
        scale = value.abs().amax(1, keepdim=True) / 448 if rows else value.abs().max() / 448
        scale = scale if scale_name else torch.ones(())
        state[name] = (value / scale).to(E4M3)
        expected[name] = state[name].float() * scale
        if scale_name:
            state[name.removesuffix("weight") + scale_name] = scale.clone()
            state[name.removesuffix("weight") + "scale_input"] = torch.ones(1)
    if marker:
        state["scaled_fp8"] = torch.zeros(2).to(E4M3)
    return state, expected


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"marker": True},
        {"scale_name": "scale_weight", "marker": True},
        {"scale_name": "scale_weight", "rows": True},
        {"scale_name": "weight_scale"},
    ],
)
def test_float8(tmp_path, prefix, kind):
    state, expected = float8(**kind)
    path = save(tmp_path / "a.safetensors", {prefix + name: value for name, value in state.items()})
    assert_same(load(path), expected)


@pytest.mark.parametrize(("said", "message"), [("float8_e4m3fn", None), ("nvfp4", "format nvfp4")])
def test_comfyui_format_tensors(tmp_path, said, message):
    state, expected = float8("weight_scale")
    note = torch.tensor(list(json.dumps({"format": said}).encode()), dtype=torch.uint8)
    state["blocks.0.ffn.0.comfy_quant"] = note
    path = save(tmp_path / "a.safetensors", state)
    if message:
        assert message in refusal(path)
    else:
        assert_same(load(path), expected)


def test_other_quantisations_are_rejected(tmp_path):
    state = prefixed("")
    state["blocks.0.ffn.0.weight"] = torch.zeros_like(state["blocks.0.ffn.0.weight"], dtype=torch.int8)
    assert "blocks.0.ffn.0.weight holds int8" in refusal(save(tmp_path / "a.safetensors", state))
    state, _ = float8("scale_weight")
    state["blocks.0.ffn.0.scale_weight"] = torch.ones(3)
    assert "blocks.0.ffn.0.scale_weight has shape [3]" in refusal(save(tmp_path / "b.safetensors", state))
    path = save(tmp_path / "d.pt", {**prefixed("model."), "step": torch.tensor(3)})
    assert "unexpected key step" in refusal(path)
    state, _ = float8("scale_weight")
    state["elsewhere.scale_weight"] = torch.ones(1)
    assert "unexpected key elsewhere.scale_weight" in refusal(save(tmp_path / "c.safetensors", state))


def sharded(folder, drop=None):
    """The diffusers layout in two files and an index."""
    names = list(WAN)
    halves = names[::2], names[1::2]
    where = {}
    for i, half in enumerate(halves):
        file = f"diffusion_pytorch_model-{i + 1:05}-of-00002.safetensors"
        where |= {diffusers_name(name): file for name in half}
        save_file({diffusers_name(name): WAN[name].clone() for name in half if name != drop}, folder / file)
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))
    return index


def test_shards(tmp_path):
    index = sharded(tmp_path)
    assert_same(load(index), WAN)
    assert_same(load(tmp_path), WAN)
    shard = tmp_path / "diffusion_pytorch_model-00002-of-00002.safetensors"
    assert "one shard of several" in refusal(shard)
    shard.unlink()
    assert "shard diffusion_pytorch_model-00002-of-00002.safetensors is missing" in refusal(index)


def test_faulty_indexes(tmp_path):
    index = sharded(tmp_path, drop="head.head.weight")
    assert "key proj_out.weight is not in its shard" in refusal(index)
    for content, message in (
        ("{", "not an index"),
        ("[]", "not an index"),
        ('{"weight_map": {"a": "../a"}}', "not in its"),
    ):
        index.write_text(content)
        assert message in refusal(index)


def test_a_folder_with_one_checkpoint(tmp_path):
    save_file(prefixed(""), tmp_path / "a.safetensors")
    assert_same(load(tmp_path), WAN)
    save_file(prefixed(""), tmp_path / "b.safetensors")
    assert "a folder with 2 checkpoints" in refusal(tmp_path)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "taehv."])
def test_codecs(tmp_path, prefix):
    assert_same(load(save(tmp_path / "a.pth", prefixed(prefix, CODEC)), "codec"), CODEC)


def with_embedding(shape):
    return prefixed("") | {"patch_embedding.weight": torch.zeros(shape)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"diffusion_model.blocks.0.self_attn.q.lora_A.weight": torch.zeros(4, 48)}, "a LoRA"),
        ({"lora_unet_blocks_0_self_attn_q.lora_down.weight": torch.zeros(4, 48)}, "a LoRA"),
        (with_embedding((5120, 8, 1, 2, 2)), "Wan 14B"),
        (with_embedding((48, 36, 1, 2, 2)), "36 input channels, as image-to-video"),
        (prefixed("") | {"img_emb.proj.0.weight": torch.zeros(2)}, "image-to-video"),
        (prefixed("") | {"blocks.0.cross_attn.k_img.weight": torch.zeros(2)}, "image-to-video"),
        (prefixed("") | {"vace_blocks.0.a": torch.zeros(2)}, "VACE"),
        (prefixed("") | {"blocks.2.modulation": torch.zeros(2)}, "of 3 layers"),
        ({"token_embedding.weight": torch.zeros(2)}, "text encoder"),
        ({"shared.weight": torch.zeros(2), "encoder.block.0.a": torch.zeros(2)}, "T5 text encoder"),
        ({"encoder.downsamples.0.a": torch.zeros(2), "conv1.weight": torch.zeros(2)}, "Wan's own autoencoder"),
        (prefixed("", CODEC), "a TAEHV autoencoder"),
        ({"_fsdp_wrapped_module._flat_param": torch.zeros(2)}, "sharded FSDP"),
    ],
)
def test_other_models_are_called_what_they_are(tmp_path, state, message):
    text = refusal(save(tmp_path / "a.safetensors", state))
    assert message in text
    assert "key" in text


def test_a_transformer_is_not_a_codec(tmp_path):
    assert "is a Wan transformer" in refusal(save(tmp_path / "a.safetensors", prefixed("")), "codec")


def test_one_error_per_kind_is_named(tmp_path):
    state = prefixed("model.")
    for name in ("model.head.modulation", "model.blocks.0.ffn.0.bias"):
        state[name + ".renamed"] = state.pop(name)
    state["model.head.head.bias"] = torch.zeros(3)
    text = refusal(save(tmp_path / "a.safetensors", state))
    assert "missing key blocks.0.ffn.0.bias (and 1 more)" in text
    assert "unexpected key blocks.0.ffn.0.bias.renamed (and 1 more)" in text
    assert "key head.head.bias has shape [3], the model needs [32]" in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_rejected(tmp_path, value):
    state = prefixed("")
    state["blocks.1.ffn.2.weight"][0, 0] = value
    assert "key blocks.1.ffn.2.weight holds NaN or Inf" in refusal(save(tmp_path / "a.safetensors", state))


def test_overflowing_values_are_rejected(tmp_path):
    state = prefixed("")
    state["blocks.1.ffn.2.weight"][0, 0] = 1e6
    with pytest.raises(CheckpointError, match="too large for float16"):
        load(save(tmp_path / "a.safetensors", state), dtype=torch.float16)


def zipped(path, name="readme.txt"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "text")


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5680000000\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LFS, "Git LFS pointer, not the file itself of 5.68 GB"),
        (b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>", "(HTML), titled '404 Not Found'"),
        (b"\xef\xbb\xbf\n <html><body>" + b"x" * 9000, "web page (HTML)"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is XML"),
        (b'{"error": "Repository not found"}', "is JSON"),
        (b"Entry not found", "is text, not a checkpoint: 'Entry not found'"),
        (b"", "is empty"),
        (b"GGUF\x03\x00\x00\x00" + b"\x00" * 64, "GGUF"),
        (gzip.compress(b"weights"), "gzip"),
        (b"\x00" * 64, "starts with the bytes 00 00"),
        (b"\x80\x02junk", "unreadable"),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_files_that_are_no_checkpoints(tmp_path, content, message, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    assert message in refusal(path)


def test_archives_and_cut_files(tmp_path):
    path = tmp_path / "a.pt"
    zipped(path)
    assert "a zip archive" in refusal(path)
    zipped(path, "a/constants.pkl")
    assert "TorchScript" in refusal(path)
    for name in ("a.pt", "a.safetensors"):
        whole = save(tmp_path / name, prefixed("")).read_bytes()
        for share in (0.3, 0.9):
            (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
            assert "cut short" in refusal(tmp_path / name)


def test_pickles_without_weights(tmp_path):
    path = tmp_path / "a.pt"
    for tree, message in (
        ([1, 2], "holds a list"),
        ({"step": 3}, "it has step"),
        ({"state": {}, "param_groups": []}, "optimizer"),
        (torch.nn.Linear(2, 2), "Python objects beside tensors (torch.nn.modules.linear.Linear)"),
    ):
        torch.save(tree, path)
        assert message in refusal(path)
