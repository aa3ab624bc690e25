"""The text encoder with 8-bit weights: its error, its conversion, its place and its memory."""

import shutil

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file
from transformers import UMT5Config, UMT5EncoderModel

from lipar_core.checkpoints import converted_weights, quantised, weights
from lipar_core.checkpoints.int8_weights import quantise_rows, row_scales
from lipar_core.errors import CheckpointError, ParameterError
from lipar_core.kinds.text import UMT5Config as TextConfig
from lipar_core.models.umt5 import load_cached_umt5, load_umt5
from lipar_core.presets import load_preset, with_text_dtype

CPU = torch.device("cpu")
PROMPTS = ("a pencil sketch", "an oil painting of a cat in the rain at night")
MAX_ERROR = 0.03  # relative, of four layers: measured 0.023 and 0.024, and bfloat16 itself has 0.010 to float32


@pytest.fixture(scope="module")
def wider_folder(umt5_folder, tmp_path_factory):
    """Four layers of 128 values, enough for the rounding errors of a row to average out."""
    folder = tmp_path_factory.mktemp("wider")
    shutil.copytree(umt5_folder / "tokenizer", folder / "tokenizer")
    torch.manual_seed(0)
    config = UMT5Config(vocab_size=30, d_model=128, d_kv=32, d_ff=320, num_layers=4, num_heads=4)
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")
    return folder


def as_checkpoint(source, folder):
    """The same encoder as one file in bfloat16."""
    state = {name: value.bfloat16() for name, value in load_file(source / "text_encoder" / "model.safetensors").items()}
    torch.save(state, folder / "models_t5.pth")
    shutil.copytree(source / "tokenizer", folder / "tokenizer")
    return folder


def relative_error(value, expected):
    return float((value.float() - expected.float()).norm() / expected.float().norm())


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_error_against_bfloat16(wider_folder, prompt):
    expected = load_umt5(wider_folder, 64, CPU, torch.bfloat16).encode(prompt)
    out = load_umt5(wider_folder, 64, CPU, torch.bfloat16, int8=True).encode(prompt)
    assert out.dtype == torch.bfloat16
    assert 0.001 < relative_error(out, expected) < MAX_ERROR
    padding = ~expected.any(dim=1)
    assert padding.any()
    assert not out[padding].any()


def test_rows_are_quantised_to_the_nearest_step():
    weight = torch.tensor([[127.0, -63.4, 0.6], [0.0, 0.0, 0.0], [1e-3, -2e-3, 0.0]])
    steps, scales = quantise_rows(weight), row_scales(weight)
    assert steps.tolist() == [[127, -63, 1], [0, 0, 0], [64, -127, 0]]
    assert ((steps * scales[:, None] - weight).abs() <= 0.5001 * scales[:, None]).all()


def test_it_is_quantised_once_and_then_mapped(wider_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    source = as_checkpoint(wider_folder, tmp_path)
    expected = load_umt5(source, 64, CPU, torch.bfloat16, int8=True).encode(PROMPTS[0])  # too small to be stored
    assert not (tmp_path / "converted").exists()
    monkeypatch.setattr(weights, "MAPPED_BYTES", 1000)
    monkeypatch.setattr(quantised, "PIECE_VALUES", 1000)  # a few rows at a time
    assert torch.equal(load_umt5(source, 64, CPU, torch.bfloat16, int8=True).encode(PROMPTS[0]), expected)
    (file,) = (tmp_path / "converted").iterdir()
    stored = load_file(file)
    assert stored["shared.weight"].dtype == torch.int8
    assert "encoder.embed_tokens.weight" not in stored  # the same table
    assert file.stat().st_size < 0.6 * (source / "models_t5.pth").stat().st_size
    monkeypatch.delattr(converted_weights, "write_safetensors")  # later starts only read
    assert torch.equal(load_umt5(source, 64, CPU, torch.bfloat16, int8=True).encode(PROMPTS[0]), expected)


def test_a_damaged_weight_is_named(wider_folder, tmp_path):
    source = as_checkpoint(wider_folder, tmp_path)
    state = torch.load(source / "models_t5.pth")
    state["encoder.block.1.layer.0.SelfAttention.q.weight"][0, 0] = float("inf")
    torch.save(state, source / "models_t5.pth")
    with pytest.raises(CheckpointError, match=r"SelfAttention\.q\.weight holds NaN or Inf"):
        load_umt5(source, 64, CPU, torch.bfloat16, int8=True)


def test_both_dtypes_have_their_own_cached_embeddings(wider_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    preset = load_preset("wan-1.3b")
    preset = replace(preset, weights=replace(preset.weights, text=str(wider_folder)))
    encoders = [load_cached_umt5(TextConfig(dtype=dtype), preset, CPU) for dtype in ("bfloat16", "int8")]
    first, second = (encoder.encode(PROMPTS[0]) for encoder in encoders)
    assert not torch.equal(first, second)
    assert len(list((tmp_path / "embeddings").iterdir())) == 2


def test_a_preset_takes_another_dtype():
    preset = load_preset("wan-1.3b")
    assert with_text_dtype(preset, None) is preset
    assert with_text_dtype(preset, "int8").text == TextConfig(device="auto", dtype="int8")
    with pytest.raises(ParameterError, match="preset tiny has no UMT5 text encoder"):
        with_text_dtype(load_preset("tiny"), "int8")
