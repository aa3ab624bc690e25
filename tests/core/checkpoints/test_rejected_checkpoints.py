"""Files and weights that cannot be used are rejected in one line that says what they are."""

import gzip
import pickle
import zipfile

import pytest
import torch

from lipar_core.errors import CheckpointError
from tests.core.checkpoints.wan_checkpoints import (
    CODEC,
    load,
    prefixed,
    rejection,
    save,
)


def with_embedding(shape):
    return prefixed("") | {"patch_embedding.weight": torch.zeros(shape)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"diffusion_model.blocks.0.self_attn.q.lora_A.weight": torch.zeros(4, 48)}, "a LoRA"),
        ({"lora_unet_blocks_0_self_attn_q.lora_down.weight": torch.zeros(4, 48)}, "a LoRA"),
        ({"blocks.0.self_attn.q.dora_scale": torch.zeros(48)}, "a LoRA"),
        ({"diffusion_model.blocks.0.self_attn.q.diff": torch.zeros(48, 48)}, "a LoRA"),
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
        ({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2)}, "a Stable Diffusion UNet"),
        ({"_fsdp_wrapped_module._flat_param": torch.zeros(2)}, "sharded FSDP"),
    ],
)
def test_other_models_are_identified(tmp_path, state, message):
    text = rejection(save(tmp_path / "a.safetensors", state))
    assert message in text
    assert "key" in text


def test_a_transformer_is_not_a_codec(tmp_path):
    assert "is a Wan transformer" in rejection(save(tmp_path / "a.safetensors", prefixed("")), "codec")


def test_one_error_per_kind_is_named(tmp_path):
    state = prefixed("model.")
    for name in ("model.head.modulation", "model.blocks.0.ffn.0.bias"):
        state[name + ".renamed"] = state.pop(name)
    state["model.head.head.bias"] = torch.zeros(3)
    text = rejection(save(tmp_path / "a.safetensors", state))
    assert "missing key blocks.0.ffn.0.bias (and 1 more)" in text
    assert "unexpected key blocks.0.ffn.0.bias.renamed (and 1 more)" in text
    assert "key head.head.bias has shape [3], the model needs [32]" in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_rejected(tmp_path, value):
    state = prefixed("")
    state["blocks.1.ffn.2.weight"][0, 0] = value
    assert "key blocks.1.ffn.2.weight holds NaN or Inf" in rejection(save(tmp_path / "a.safetensors", state))


def test_overflowing_values_are_rejected(tmp_path):
    state = prefixed("")
    state["blocks.1.ffn.2.weight"][0, 0] = 1e6
    with pytest.raises(CheckpointError, match="too large for float16"):
        load(save(tmp_path / "a.safetensors", state), dtype=torch.float16)
    state["blocks.1.ffn.2.weight"] = torch.full_like(state["blocks.1.ffn.2.weight"], 1e300, dtype=torch.float64)
    assert "too large for float32" in rejection(save(tmp_path / "a.safetensors", state))


def zipped(path, name="readme.txt"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "text")


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5680000000\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LFS, "Git LFS pointer, not the file itself of 5.68 GB"),
        (b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>", "(HTML), titled '404 Not Found'"),
        (b"\xef\xbb\xbf\n <html><body>" + b"x" * 9000, "is a web page (HTML), not a checkpoint"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is XML"),
        (b'{"error": "Repository not found"}', "is JSON"),
        (b"<!-- page --><body>Sign in</body>", "web page (HTML)"),
        (bytes(257) + b"ustar" + bytes(99), "a tar archive"),
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
    assert message in rejection(path)


def test_archives_and_truncated_files(tmp_path):
    path = tmp_path / "a.pt"
    zipped(path)
    assert "a zip archive" in rejection(path)
    zipped(path, "a/constants.pkl")
    assert "TorchScript" in rejection(path)
    for name in ("a.pt", "a.safetensors"):
        whole = save(tmp_path / name, prefixed("")).read_bytes()
        for share in (0.3, 0.9):
            (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
            assert "cut short" in rejection(tmp_path / name)


def test_pickles_without_weights(tmp_path):
    path = tmp_path / "a.pt"
    for tree, message in (
        ([1, 2], "holds a list"),
        ({"step": 3}, "it has step"),
        ({"state": {}, "param_groups": []}, "optimizer"),
        (torch.nn.Linear(2, 2), "Python objects beside tensors (torch.nn.modules.linear.Linear)"),
    ):
        for zipped in (True, False):
            torch.save(tree, path, _use_new_zipfile_serialization=zipped)
            assert message in rejection(path)
    path.write_bytes(pickle.dumps({"step": 3}, protocol=2))
    assert "unreadable" in rejection(path)
    torch.save({"a": torch.zeros(1)}, path, pickle_protocol=4)
    assert "another protocol" in rejection(path)


def test_damaged_archives(tmp_path):
    path = save(tmp_path / "a.pt", prefixed(""))
    data = bytearray(path.read_bytes())
    data[20:60] = b"\xff" * 40
    path.write_bytes(data)
    assert "unreadable" in rejection(path)


Q = "blocks.0.self_attn.q.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({Q: torch.zeros(48, 48).to_sparse()}, f"key {Q} is a sparse tensor"),
        ({Q: torch.zeros(48, 48, device="meta")}, f"key {Q} has a shape but no values"),
        ({"two\nlines": torch.zeros(1)}, r"key 'two\nlines' is not a name"),
        ({"blocks.0.self_attn.q.scale_weight": torch.tensor(float("nan"))}, "q.scale_weight holds NaN"),
    ],
)
def test_tensors_that_are_no_weights(tmp_path, change, message):
    assert message in rejection(save(tmp_path / "a.pt", prefixed("") | change))


def test_a_file_without_tensors(tmp_path):
    assert "holds no tensors" in rejection(save(tmp_path / "a.safetensors", {}))


@pytest.mark.parametrize(
    ("name", "message"),
    [("model_index.json", "a diffusers pipeline"), ("__0_0.distcp", "torch.distributed.checkpoint")],
)
def test_folders_of_other_kinds(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path)
