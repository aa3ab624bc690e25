"""The words that a small text encoder was trained on, and those of a prompt that it does not know."""

import re
from collections.abc import Iterable
from pathlib import Path

from lipar_core.errors import CheckpointError
from lipar_core.models.text_encoder import clean_prompt

MIN_SIMILARITY = 0.75  # of trigrams: the tiny model draws "watercolors" as "watercolor" (0.86), not "sketches" (0.71)


class Vocabulary:
    """Trained words. A word of nearly the same spelling, such as a plural, counts as known."""

    def __init__(self, words: Iterable[str]) -> None:
        """words: as `words_of` gives them."""
        self._trigrams = {word: set(trigrams(word)) for word in words}

    def unknown(self, words: Iterable[str]) -> tuple[str, ...]:
        """Those of the words that are not known, each once, in their order."""
        return tuple(word for word in dict.fromkeys(words) if not self._is_known(word))

    def _is_known(self, word: str) -> bool:
        if word in self._trigrams:
            return True
        own = set(trigrams(word))
        return any(_similarity(own, known) >= MIN_SIMILARITY for known in self._trigrams.values())


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a file with a word per line. Raises `CheckpointError`."""
    try:
        return Vocabulary(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise CheckpointError(f"vocabulary {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CheckpointError(f"vocabulary {path}: is not a text in UTF-8") from error


def words_of(prompt: str) -> list[str]:
    """The words of a prompt in lower case, without punctuation."""
    return re.findall(r"\w+", clean_prompt(prompt).lower())


def trigrams(word: str) -> list[str]:
    """Three adjacent characters each, of the word with a mark at both ends."""
    marked = f"<{word}>"
    return [marked[i : i + 3] for i in range(len(marked) - 2)]


def _similarity(one: set[str], other: set[str]) -> float:
    """Sørensen-Dice coefficient."""
    return 2 * len(one & other) / (len(one) + len(other))
