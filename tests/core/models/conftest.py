"""A small UMT5."""

import pytest
import torch
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel


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
