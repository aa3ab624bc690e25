import html
import re
import shutil

import ftfy
import pytest
import torch
from safetensors.torch import save_file
from transformers import UMT5EncoderModel

from lipar_core.errors import CheckpointError
from lipar_core.kinds.text import HashedConfig
from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_core.models.text_encoder import UMT5TextEncoder, clean_prompt
from lipar_core.models.umt5 import load_umt5
from lipar_core.models.vocabulary import read_vocabulary


def encoder(folder, length=24) -> UMT5TextEncoder:
    return load_umt5(folder, length, torch.device("cpu"), torch.float32)


def test_padding_is_zero_and_real_tokens_equal_a_masked_run(umt5_folder):
    text = encoder(umt5_folder)
    out = text.encode("a cat")
    ids = text.tokenizer("a cat", padding="max_length", max_length=24, return_tensors="pt")
    with torch.inference_mode():
        masked = text.model(ids.input_ids, attention_mask=ids.attention_mask).last_hidden_state[0]
    real = int(ids.attention_mask.sum())
    assert 3 < real < 24
    torch.testing.assert_close(out[:real], masked[:real], rtol=0, atol=1e-5)
    assert not out[real:].any()


def test_long_prompts_are_cut_to_the_length(umt5_folder):
    out = encoder(umt5_folder).encode("cat " * 100)
    assert out.shape == (24, 16)
    assert out[-1].any()


PROMPTS = [
    "  a &amp;amp; b\n c ",
    "a “quoted” cat’s ‚tail‘",
    "ﬁne ﬂoating ﬀ",
    "ＦＵＬＬ　width １２",
    "cafe\u0301",
    "null\x00 and\x1f bell\x07",
    "tab\tand\x0cfeed\u2028line",
    "emoji 😀 — dash",
    "a < b &lt; c",
    "",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompts_are_cleaned_as_wan_cleans_them(prompt):
    fixed = html.unescape(html.unescape(ftfy.fix_text(prompt))).strip()
    assert clean_prompt(prompt) == re.sub(r"\s+", " ", fixed).strip()


def test_cleaned_prompts_are_encoded(umt5_folder):
    text = encoder(umt5_folder)
    assert torch.equal(text.encode("a  b &amp;amp; c"), text.encode(" a b & c "))
    assert text.count_tokens("a &amp;amp; b") == text.count_tokens("a & b")


def wan_name(name):
    """Hugging Face's name of a Wan weight, written out rather than derived from the product's table."""
    for theirs, wan in {
        "shared": "token_embedding",
        "encoder.final_layer_norm": "norm",
        "encoder.block": "blocks",
        "layer.0.SelfAttention.relative_attention_bias": "pos_embedding.embedding",
        "layer.0.SelfAttention": "attn",
        "layer.0.layer_norm": "norm1",
        "layer.1.layer_norm": "norm2",
        "layer.1.DenseReluDense.wi_0": "ffn.gate.0",
        "layer.1.DenseReluDense.wi_1": "ffn.fc1",
        "layer.1.DenseReluDense.wo": "ffn.fc2",
    }.items():
        name = name.replace(theirs, wan)
    return name


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (wan_name, ".pth"),
        (lambda name: name, ".safetensors"),
        (lambda name: f"text_encoders.umt5xxl.transformer.{name}", ".pt"),
    ],
)
def test_a_checkpoint_equals_transformers(umt5_folder, tmp_path, name, suffix):
    """Wan's file, and ComfyUI's file with Hugging Face's names, with a tokenizer."""
    reference = UMT5EncoderModel.from_pretrained(umt5_folder / "text_encoder").eval()
    state = {name(k): v.clone() for k, v in reference.state_dict().items() if k != "encoder.embed_tokens.weight"}
    path = tmp_path / f"models_t5{suffix}"
    if suffix == ".safetensors":
        save_file(state | {"spiece_model": torch.zeros(8, dtype=torch.uint8)}, path)
    else:
        torch.save(state, path)
    shutil.copytree(umt5_folder / "tokenizer", tmp_path / "tokenizer")
    text = encoder(tmp_path)
    for prompt in ("a cat", "x &amp;amp; “y”", "cat " * 40):
        ids = text.tokenizer(
            clean_prompt(prompt), padding="max_length", truncation=True, max_length=24, return_tensors="pt"
        )
        with torch.inference_mode():
            out = reference(ids.input_ids, attention_mask=ids.attention_mask).last_hidden_state[0]
        expected = out * ids.attention_mask[0, :, None]
        torch.testing.assert_close(text.encode(prompt), expected, rtol=0, atol=1e-5)


def test_missing_and_broken_folders_are_rejected(umt5_folder, tmp_path):
    with pytest.raises(CheckpointError, match="neither a config"):
        encoder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="no tokenizer"):
        encoder(tmp_path)
    shutil.copytree(umt5_folder / "tokenizer", tmp_path / "tokenizer")
    with pytest.raises(CheckpointError, match="unreadable"):
        encoder(tmp_path)
    (tmp_path / "config.json").unlink()
    torch.save({"blocks.0.ffn.fc1.weight": torch.zeros(2, 2)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="not a UMT5 encoder"):
        encoder(tmp_path)


def test_hashed_encoder_is_deterministic_and_distinguishes_prompts():
    torch.manual_seed(0)
    text = HashedTextEncoder(HashedConfig(buckets=256, dim=16), 4, 12).eval()
    sketch = text.encode("a pencil sketch")
    assert sketch.shape == (4, 12)
    assert torch.equal(sketch, text.encode("A  Pencil sketch"))
    assert not torch.allclose(sketch, text.encode("oil painting"))
    assert text.encode("…").isfinite().all()
    assert text.unknown_words("a pencil sketch") == (), "without a vocabulary none is reported"


def test_a_vocabulary_knows_words_of_nearly_the_same_spelling(tmp_path):
    (tmp_path / "words.txt").write_text("watercolor\ncartoon\na\n")
    words = read_vocabulary(tmp_path / "words.txt")
    assert words.unknown(["a", "watercolors", "b", "cartoons", "car", "b"]) == ("b", "car")
    with pytest.raises(CheckpointError, match=r"none\.txt: No such file"):
        read_vocabulary(tmp_path / "none.txt")
