"""Text encoders: a prompt in, `text_length` vectors out. UMT5 for Wan; the tiny model's own is in `hashed_text.py`."""

import html
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from lipar_core.errors import CheckpointError


class TextEncoder(Protocol):
    """Turns a prompt into what cross-attention reads."""

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]."""
        ...

    def count(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are read, and how many it has."""
        ...


def clean_prompt(prompt: str) -> str:
    """Undo HTML escapes (twice, as Wan does) and collapse white space."""
    return " ".join(html.unescape(html.unescape(prompt)).split())


class UMT5TextEncoder:
    """Wan 2.1's encoder. Padding positions are zero, and cross-attention does attend to them."""

    def __init__(self, folder: Path, text_length: int, device: torch.device, dtype: torch.dtype) -> None:
        """folder: a Hugging Face UMT5 encoder with its tokenizer, in it or in `text_encoder/` and `tokenizer/`.

        Raises `CheckpointError` when they are missing or unreadable.
        """
        from transformers import AutoTokenizer, UMT5EncoderModel  # slow to import, and only this encoder needs it

        encoder, tokenizer = (
            folder / name if (folder / name).is_dir() else folder for name in ("text_encoder", "tokenizer")
        )
        if not (encoder / "config.json").is_file():
            raise CheckpointError(f"text encoder {folder}: no config.json there")
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
            model = UMT5EncoderModel.from_pretrained(encoder, local_files_only=True, dtype=dtype)
        except (OSError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"text encoder {folder}: unreadable ({' '.join(str(error).split())[:200]})"
            ) from error
        self.model = model.eval().to(device)
        self.text_length, self.device = text_length, device

    @torch.inference_mode()
    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]; only real tokens are run, the rest is zero."""
        ids = self.tokenizer(
            clean_prompt(prompt), truncation=True, max_length=self.text_length, return_tensors="pt"
        ).input_ids.to(self.device)
        hidden: Tensor = self.model(input_ids=ids).last_hidden_state[0]
        padded = hidden.new_zeros(self.text_length, hidden.shape[-1])
        padded[: len(hidden)] = hidden
        return padded

    def count(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are read, and how many it has; the closing one is counted."""
        given = len(self.tokenizer(clean_prompt(prompt)).input_ids)
        return min(given, self.text_length), given
