"""The documents: files and functions that they name exist, links lead somewhere, the diagram is up to date."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.local import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_REFERENCES = ["docs/architecture.md", "CONTRIBUTING.md"]
FOLDERS = "benchmarks|configs|docs|lipar_\\w+|scripts|server|tests|training|web_client"
REFERENCE = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)(?::([\w.]+))?`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def references(document: str) -> list[tuple[str, str]]:
    """(path, symbol) of each `path:symbol` or `path`; the symbol is empty without one."""
    return REFERENCE.findall((ROOT / document).read_text(encoding="utf-8"))


def defines(path: Path, symbol: str) -> bool:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return python_defines(ast.parse(text), symbol.split("."))
    names = symbol.split(".")
    declared = re.search(rf"^export (?:async )?(?:class|const|function|interface) {names[0]}\b", text, re.MULTILINE)
    members = [re.search(rf"^  (?:(?:async|private|get|readonly) )*{name}\b", text, re.MULTILINE) for name in names[1:]]
    return declared is not None and all(members)


def python_defines(scope: ast.AST, names: list[str]) -> bool:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == names[0]:
            return len(names) == 1 or python_defines(node, names[1:])
    return False


@pytest.mark.parametrize("document", WITH_REFERENCES)
def test_the_files_and_functions_that_a_document_names_exist(document: str) -> None:
    named = references(document)
    assert len(named) > 10
    missing = [path for path, _ in named if not (ROOT / path).exists()]
    undefined = [f"{path}:{symbol}" for path, symbol in named if symbol and not defines(ROOT / path, symbol)]
    assert (missing, undefined) == ([], [])


def test_the_walks_name_at_least_a_function_per_step() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for title in ("A frame", "A prompt"):
        walk = text.split(f"## {title}\n")[1].split("\n## ")[0]
        steps = re.findall(r"^\d+\. ", walk, re.MULTILINE)
        assert len(steps) > 4
        assert sum(1 for _, symbol in REFERENCE.findall(walk) if symbol) >= len(steps)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_to_files(document: Path) -> None:
    targets = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    missing = [link for link in targets if not (document.parent / link.partition("#")[0]).exists()]
    assert missing == []


def test_the_diagram_is_drawn_from_its_source(tmp_path: Path) -> None:
    source = ROOT / "docs" / "images" / "architecture.yaml"
    copy = tmp_path / source.name
    copy.write_bytes(source.read_bytes())
    subprocess.run([sys.executable, ROOT / "scripts" / "draw_diagram.py", copy], check=True)
    assert copy.with_suffix(".svg").read_bytes() == source.with_suffix(".svg").read_bytes()
