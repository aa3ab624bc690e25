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
    "training",
    "scripts",
    # not server/static, which is built
    *(f"server/{name}" for name in ("api", "control", "media", "model", "workers")),
    *(
        f"server/{name}.py"
        for name in (
            "errors",
            "ice",
            "model_options",
            "ring",
            "run",
            "settings",
            "settings_sources",
            "supervisor",
            "wire",
        )
    ),
    "tests/core",
    "tests/server",
    "tests/cli",
    "tests/evaluation",
    "tests/training",
    "docs/api.md",
    "docs/quickstart.md",
    "docs/reference.md",
    "docs/security.md",
    "docs/troubleshooting.md",
    "docs/tuning.md",
    "docs/cli.md",
    "docs/deployment.md",
    "docs/training.md",
    "docs/weights.md",
    "web_client/src",
    "web_client/tests",
    "web_client/index.html",
    "tests/browser",
    "benchmarks",
    "harness",
    "examples",
    "tests/examples",
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/benchmarks.md",
    "docs/development.md",
]
INSTEAD = {
    "afresh|anew|begin_anew": "again, reset, restart",
    "aimed at": "target",
    "bad way|bad_way|narrow way|narrow_way": "impaired link, bandwidth-limited link",
    "come and go|comes and goes|come_and_go": "churn",
    "give_up|gave up|given up|giving up": "time out, stop",
    "haste": "catch-up rate",
    "look after|look_after": "supervise, check",
    "mend|mends|mended": "fix",
    "fault of ours": "internal error",
    "is told of|is told once": "is called with, is called once",
    "outlive|outlived": "survive, be kept after",
    "noise share|noise shares": "sigma",
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
