"""Text encoders: prompt -> `text_length` vectors. UMT5 for Wan; the tiny model's is in `hashed_text.py`."""

import html
import re
import unicodedata
from typing import Any, Protocol

import torch
from torch import Tensor, nn

_QUOTE_REPLACEMENTS = {
    0x2BC: "'",
    **dict.fromkeys(range(0x2018, 0x201C), "'"),
    **dict.fromkeys(range(0x201C, 0x2020), '"'),
}
_COMPATIBILITY_FORMS = re.compile("[\ufb00-\ufb06\uff01-\uff9f\uffe0-\uffee\u3000]")  # ligatures, full and half width
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffb]")


def clean_prompt(prompt: str) -> str:
    """Wan's prompt cleaning: typography normalised, HTML unescaped twice, white space collapsed.

    Wan uses ftfy's `fix_text` for the first; its repair of wrongly decoded text is left out here.
    """
    plain = _CONTROL_CHARACTERS.sub("", prompt).translate(_QUOTE_REPLACEMENTS)
    plain = _COMPATIBILITY_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), plain)
    plain = unicodedata.normalize("NFC", plain)
    return " ".join(html.unescape(html.unescape(plain)).split())


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used here."""

    def __call__(self, text: str, **options: Any) -> Any: ...


class UMT5TextEncoder:
    """Wan 2.1's text encoder. Padding positions are zero, and cross-attention attends to them."""

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, text_length: int, device: torch.device) -> None:
        """model: a Hugging Face UMT5 encoder on `device`."""
        self.model, self.tokenizer = model, tokenizer
        self.text_length, self.device = text_length, device

    @torch.inference_mode()
    def encode(self, prompt: str) -> Tensor:
        """prompt -> [text_length, text_dim]; only real tokens are encoded, padding is zero."""
        ids = self.tokenizer(
            clean_prompt(prompt), truncation=True, max_length=self.text_length, return_tensors="pt"
        ).input_ids.to(self.device)
        hidden: Tensor = self.model(input_ids=ids).last_hidden_state[0]
        padded = hidden.new_zeros(self.text_length, hidden.shape[-1])
        padded[: len(hidden)] = hidden
        return padded

    def count_tokens(self, prompt: str) -> tuple[int, int]:
        """How many tokens of the prompt are encoded, and how many it has, the end token included."""
        total = len(self.tokenizer(clean_prompt(prompt)).input_ids)
        return min(total, self.text_length), total

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """None: it was trained on whole languages."""
        return ()
