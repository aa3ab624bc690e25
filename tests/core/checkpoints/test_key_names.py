"""Common checkpoint layouts are loaded with the right values."""

import argparse
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lipar_core.checkpoints.key_names import DIFFUSERS
from tests.core.checkpoints.wan_checkpoints import (
    CODEC,
    E4M3,
    WAN,
    assert_same,
    diffusers_name,
    load,
    prefixed,
    rejection,
    save,
)

PREFIXES = [
    *("", "model.", "module.", "_orig_mod.", "model._orig_mod.", "module._orig_mod.", "_orig_mod.module."),
    *("model.diffusion_model.", "diffusion_model.", "generator.", "generator.model.", "generator_ema.model."),
    *("model._fsdp_wrapped_module.", "_fsdp_wrapped_module.model._fsdp_wrapped_module.", "module.model.", "dit."),
    *("pipe.dit.", "student.model."),
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
        lambda state: {"transformer": state, "step": 3},
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
    assert "two keys map to" in rejection(path)


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


@pytest.mark.parametrize(("marker", "message"), [("float8_e4m3fn", None), ("nvfp4", "format nvfp4")])
def test_comfyui_format_tensors(tmp_path, marker, message):
    state, expected = float8("weight_scale")
    note = torch.tensor(list(json.dumps({"format": marker}).encode()), dtype=torch.uint8)
    state["blocks.0.ffn.0.comfy_quant"] = note
    path = save(tmp_path / "a.safetensors", state)
    if message:
        assert message in rejection(path)
    else:
        assert_same(load(path), expected)


def test_other_quantisations_are_rejected(tmp_path):
    state = prefixed("")
    state["blocks.0.ffn.0.weight"] = torch.zeros_like(state["blocks.0.ffn.0.weight"], dtype=torch.int8)
    assert "blocks.0.ffn.0.weight holds int8" in rejection(save(tmp_path / "a.safetensors", state))
    state, _ = float8("scale_weight")
    state["blocks.0.ffn.0.scale_weight"] = torch.ones(3)
    assert "blocks.0.ffn.0.scale_weight has shape [3]" in rejection(save(tmp_path / "b.safetensors", state))
    path = save(tmp_path / "d.pt", {**prefixed("model."), "step": torch.tensor(3)})
    assert "unexpected key step" in rejection(path)
    state, _ = float8("scale_weight")
    state["elsewhere.scale_weight"] = torch.ones(1)
    assert "unexpected key elsewhere.scale_weight" in rejection(save(tmp_path / "c.safetensors", state))


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
    assert "one shard of several" in rejection(shard)
    shard.unlink()
    assert "shard diffusion_pytorch_model-00002-of-00002.safetensors is missing" in rejection(index)


def test_shards_of_torch_save(tmp_path):
    names = [f"pytorch_model-{i + 1:05}-of-00002.bin" for i in range(2)]
    where = {name: names[i % 2] for i, name in enumerate(WAN)}
    for file in names:
        torch.save({name: WAN[name] for name in WAN if where[name] == file}, tmp_path / file)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    assert_same(load(tmp_path), WAN)
    assert "one shard of several, name pytorch_model.bin.index.json" in rejection(tmp_path / names[0])


def test_faulty_indexes(tmp_path):
    index = sharded(tmp_path, drop="head.head.weight")
    assert "key proj_out.weight is not in its shard" in rejection(index)
    swapped = index.read_text().replace("-00001-", "-x-").replace("-00002-", "-00001-").replace("-x-", "-00002-")
    index.write_text(swapped)
    assert "is not in its shard" in rejection(index)
    for content, message in (
        ("{", "not an index"),
        ("[]", "not an index"),
        ('{"weight_map": {"a": "../a"}}', "not in its"),
    ):
        index.write_text(content)
        assert message in rejection(index)


def test_a_folder_with_one_checkpoint(tmp_path):
    save_file(prefixed(""), tmp_path / "a.safetensors")
    assert_same(load(tmp_path), WAN)
    save_file(prefixed(""), tmp_path / "b.safetensors")
    assert "a folder with 2 checkpoints" in rejection(tmp_path)
    (tmp_path / "other").mkdir()
    torch.save(WAN, tmp_path / "other" / "a.bin")
    assert_same(load(tmp_path / "other"), WAN)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "taehv."])
def test_codecs(tmp_path, prefix):
    assert_same(load(save(tmp_path / "a.pth", prefixed(prefix, CODEC)), "codec"), CODEC)
