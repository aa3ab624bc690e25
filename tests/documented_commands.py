"""The shell commands of the documents' fenced blocks."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.local import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
BLOCK = re.compile(
    r"(?:<!-- not tested: (?P<reason>[^\n]+) -->\n\n?)?^```(?:sh|bash|console)\n(?P<text>.*?)^```", re.M | re.S
)
ASSIGNMENT = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command; `words`: without leading assignments, comments and the path of the virtual environment."""

    document: str
    text: str
    words: tuple[str, ...]
    reason: str | None  # why no test runs it, as its document says

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"

    @property
    def is_assignment(self) -> bool:
        return not self.words or self.words[0] == "export"


def documented_commands() -> list[Command]:
    return [command for path in DOCUMENTS for command in commands_of(path)]


def commands_of(path: Path) -> Iterator[Command]:
    name = str(path.relative_to(ROOT))
    for block in BLOCK.finditer(path.read_text(encoding="utf-8")):
        for line in block["text"].replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                text = " ".join(line.split())
                yield Command(document=name, text=text, words=plain_words(words), reason=block["reason"])


def plain_words(words: list[str]) -> tuple[str, ...]:
    while words and ASSIGNMENT.match(words[0]):
        words = words[1:]
    return tuple(word.removeprefix(".venv/bin/") if index == 0 else word for index, word in enumerate(words))
