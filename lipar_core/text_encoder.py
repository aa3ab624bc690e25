"""Text encoders: a prompt in, `text_length` vectors out. UMT5 for Wan; the tiny model's own is in `hashed_text.py`."""

import html
import re
import unicodedata
from typing import Any, Protocol

import torch
from torch import Tensor, nn

_QUOTES = {0x2BC: "'", **dict.fromkeys(range(0x2018, 0x201C), "'"), **dict.fromkeys(range(0x201C, 0x2020), '"')}
_COMPATIBLE = re.compile("[\ufb00-\ufb06\uff01-\uff9f\uffe0-\uffee\u3000]")  # ligatures, full and half width
_NO_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffb]")


class TextEncoder(Protocol):
    """Turns a prompt into what cross-attention reads."""

    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]."""
        ...

    def count(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are read, and how many it has."""
        ...


def clean_prompt(prompt: str) -> str:
    """The prompt as Wan cleans it: typography made plain, HTML escapes undone twice, white space collapsed.

    Wan does the first with ftfy's `fix_text`; of that, the repair of wrongly decoded text is left out here.
    """
    plain = _NO_CONTROLS.sub("", prompt).translate(_QUOTES)
    plain = _COMPATIBLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), plain)
    plain = unicodedata.normalize("NFC", plain)
    return " ".join(html.unescape(html.unescape(plain)).split())


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    def __call__(self, text: str, **options: Any) -> Any: ...


class UMT5TextEncoder:
    """Wan 2.1's encoder. Padding positions are zero, and cross-attention does attend to them."""

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, text_length: int, device: torch.device) -> None:
        """model: a Hugging Face UMT5 encoder on `device`."""
        self.model, self.tokenizer = model, tokenizer
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
