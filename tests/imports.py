"""Imports of this code base's modules, read from their source."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.local import ROOT

PRODUCT = ("lipar_core", "lipar_video", "lipar_eval", "lipar_cli", "server")
OURS = (*PRODUCT, "training", "benchmarks", "harness", "tests", "scripts")


@dataclass(frozen=True)
class Import:
    """One import statement's target, as seen from the module that has it."""

    importer: str
    target: str
    line: int
    at_start: bool  # runs when the module is imported, not in a function's body


def modules(*packages: str, root: Path = ROOT) -> dict[str, Path]:
    """Every module of the packages, by dotted name; a package itself ends in `.__init__`."""
    files = (path for package in packages for path in sorted((root / package).rglob("*.py")))
    return {".".join(path.relative_to(root).with_suffix("").parts): path for path in files}


def imports_of(module: str, path: Path, known: set[str]) -> list[Import]:
    """All imports of a file. Targets in this code base are named as in `known`."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports = []
    for node, at_start in _import_nodes(tree, at_start=True):
        for target in _targets(node, module, known):
            imports.append(Import(module, target, node.lineno, at_start))
    return imports


def _import_nodes(node: ast.AST, *, at_start: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, at_start
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _import_nodes(child, at_start=at_start and not inside)


def _targets(node: ast.Import | ast.ImportFrom, module: str, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (_known_name(alias.name, known) for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
    for alias in node.names:
        full = _known_name(f"{base}.{alias.name}", known)
        yield full if full in known else _known_name(base, known)


def _known_name(name: str, known: set[str]) -> str:
    return f"{name}.__init__" if f"{name}.__init__" in known else name


def package_of(target: str) -> str:
    return target.split(".")[0]


def is_third_party(target: str) -> bool:
    return package_of(target) not in (*OURS, *sys.stdlib_module_names)


def cycle(arrows: dict[str, set[str]]) -> list[str]:
    """A cycle of imports, as the modules along it; empty if there is none."""
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for target in sorted(arrows.get(module, ())):
            if loop := walk(target, [*trail, module]):
                return loop
        done.add(module)
        return []

    return next((loop for module in sorted(arrows) if (loop := walk(module, []))), [])
