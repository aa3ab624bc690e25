"""Files and functions stay short."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.local import ROOT

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 43


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """The text of every tracked Python and TypeScript file by its path."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    files = [
        name for name in names if name.endswith(".py") or (name.endswith(".ts") and name.startswith("web_client/"))
    ]
    if not files:
        pytest.skip("not a git checkout")
    return {name: Path(ROOT, name).read_text(encoding="utf-8") for name in files if Path(ROOT, name).exists()}


def test_files_are_short(sources: dict[str, str]) -> None:
    lengths = {name: len(text.splitlines()) for name, text in sources.items()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_functions_are_short(sources: dict[str, str]) -> None:
    lengths = {
        f"{name}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, text in sources.items()
        if name.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}
