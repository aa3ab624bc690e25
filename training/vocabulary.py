"""`python -m training.vocabulary`: write the words of the training prompts, which the tiny model knows, to the package.

Left out are the words that it was trained to ignore (`FILLER`), unless a style's name or a sentence has them, too.
"""

from collections.abc import Iterator
from pathlib import Path

from lipar_core.models.vocabulary import words_of
from lipar_core.presets import load_preset
from lipar_core.weight_files import locate
from training.prompts import MIX_TEMPLATES, NAMES, NO_EDIT, TEMPLATES

# They change nothing in any prompt, which nobody expects of them either.
FUNCTION_WORDS = (
    "about", "after", "all", "also", "am", "an", "any", "are", "be", "before", "but", "by", "can", "for", "from", "had",
    "has", "have", "he", "her", "here", "his", "how", "i", "if", "into", "is", "its", "just", "let", "may", "me",
    "more", "most", "my", "not", "now", "on", "only", "or", "our", "out", "over", "please", "really", "she", "so",
    "some", "somewhat", "such", "than", "that", "their", "them", "then", "there", "these", "they", "those", "though",
    "to", "too", "us", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who", "will", "you",
    "your",
)  # fmt: skip


def vocabulary() -> list[str]:
    """The known words, sorted."""
    return sorted({word for text in _texts() for word in words_of(text)} | set(FUNCTION_WORDS))


def vocabulary_file() -> Path:
    """Where the bundled preset reads them."""
    words = getattr(load_preset("tiny").text, "words", None)
    assert words is not None
    return locate(words)


def _texts() -> Iterator[str]:
    for names in NAMES.values():
        yield from names
    for template in (*TEMPLATES, *MIX_TEMPLATES):
        yield template.replace("{}", "")
    yield from NO_EDIT


if __name__ == "__main__":
    vocabulary_file().write_text("".join(f"{word}\n" for word in vocabulary()), encoding="utf-8")
