"""Words that plain technical English does without: the rooms that have been through it stay free of them."""

import re
from pathlib import Path

import pytest

from harness.local import ROOT

CLEAN = [
    "lipar_core",
    "lipar_video",
    "lipar_eval",
    "lipar_cli",
    # not server/static, which is built
    *(f"server/{name}" for name in ("api", "control", "media", "model", "workers")),
    *sorted(f"server/{path.name}" for path in (ROOT / "server").glob("*.py")),
    "training",
    "scripts",
    "benchmarks",
    "harness",
    "examples",
    *sorted(f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("*.py"))),
    *sorted(f"tests/{path.name}" for path in (ROOT / "tests").glob("*.py") if path != Path(__file__)),
    "web_client/src",
    "web_client/tests",
    "web_client/index.html",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
INSTEAD = {
    "afresh|anew|begin_anew": "again, reset, restart",
    "aimed at": "target",
    "bad way|bad_way|narrow way|narrow_way": "impaired link, bandwidth-limited link",
    "come and go|comes and goes|come_and_go": "churn",
    "drawn where": "random if",
    "give_up|gave up|given up|giving up": "time out, stop",
    "go on with|goes on|went on": "continue, resume",
    "has become of|become of|becomes of": "result, outcome, state",
    "haste": "catch-up rate",
    "hear of|hears of|be heard|is heard": "receive, detect",
    "look after|look_after": "supervise, check",
    "longest vacant|longest_vacant": "replaceable for the longest time",
    "mend|mends|mended": "fix",
    "fault of ours": "internal error",
    "is told of|is told once": "is called with, is called once",
    "outlive|outlived": "survive, be kept after",
    "noise share|noise shares": "sigma",
    "place by place": "in each queue",
    "stand still|stands still|stood still": "is static, does not change, is stopped",
    "tell apart|tells apart|told apart": "distinguish",
    "its bearer": "the token, the client",
    "thinned": "rate-limited",
    "twice over": "doubled",
    "the other side": "the remote peer",
    "whoever": "viewer, user, caller",
    "wishes": "request",
}
FORBIDDEN = {re.compile(rf"\b(?:{words})\b", re.IGNORECASE): instead for words, instead in INSTEAD.items()}


def text_files(path: Path) -> list[Path]:
    files = path.rglob("*") if path.is_dir() else [path]
    return sorted(file for file in files if file.suffix in {".py", ".ts", ".html", ".md", ".css"})


@pytest.mark.parametrize("path", CLEAN)
def test_plain_technical_english(path: str) -> None:
    files = text_files(ROOT / path)
    assert files
    violations = [
        f"{file.relative_to(ROOT)}:{number}: {match[0]!r}; say: {instead}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for pattern, instead in FORBIDDEN.items()
        if (match := pattern.search(line))
    ]
    assert violations == []
