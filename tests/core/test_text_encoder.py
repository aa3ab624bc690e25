import pytest
import torch
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from lipar_core.config import TextConfig
from lipar_core.errors import CheckpointError
from lipar_core.hashed_text import HashedTextEncoder
from lipar_core.text_encoder import UMT5TextEncoder, clean_prompt


@pytest.fixture(scope="module")
def umt5_folder(tmp_path_factory):
    """A random two-layer UMT5 with a tokenizer of single letters, laid out as the published one."""
    folder = tmp_path_factory.mktemp("umt5")
    letters = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((letter, -2.0) for letter in "▁abcdefghijklmnopqrstuvwxyz&"),
    ]
    tokenizer = T5TokenizerFast(vocab=letters, extra_ids=0)
    tokenizer.save_pretrained(folder / "tokenizer")
    torch.manual_seed(0)
    config = UMT5Config(
        vocab_size=len(letters),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        relative_attention_num_buckets=8,
    )
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")
    return folder


def encoder(folder, length=24) -> UMT5TextEncoder:
    return UMT5TextEncoder(folder, length, torch.device("cpu"), torch.float32)


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


def test_prompts_are_cleaned(umt5_folder):
    assert clean_prompt("  a &amp;amp; b\n c ") == "a & b c"
    text = encoder(umt5_folder)
    assert torch.equal(text.encode("a  b"), text.encode(" a b "))


def test_missing_and_broken_folders_are_refused(umt5_folder, tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json"):
        encoder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="unreadable"):
        encoder(tmp_path)


def test_hashed_encoder_is_deterministic_and_tells_prompts_apart():
    torch.manual_seed(0)
    text = HashedTextEncoder(TextConfig(kind="hashed", buckets=256, dim=16), 4, 12).eval()
    sketch = text.encode("a pencil sketch")
    assert sketch.shape == (4, 12)
    assert torch.equal(sketch, text.encode("A  Pencil sketch"))
    assert not torch.allclose(sketch, text.encode("oil painting"))
    assert text.encode("…").isfinite().all()
