"""Imports between the rooms of the code base have one direction (the table is in rooms.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.local import ROOT
from tests.imports import PRODUCT, cycle, imports_of, modules, package_of
from tests.rooms import BY_NAME, PLAIN, room_of, violations

MODULES = modules(*PRODUCT)
KNOWN = set(MODULES)
IMPORTS = [item for name, path in MODULES.items() for item in imports_of(name, path, KNOWN)]
# Packages that the web process must not load, and those that the engine must not need.
TORCH = {"torch", "triton", "transformers", "flash_attn"}
SERVER_PACKAGES = {"pydantic", "fastapi", "starlette", "uvicorn", "aiortc", "aioice", "av"}


@pytest.mark.parametrize("package", PRODUCT)
def test_no_backward_imports(package: str) -> None:
    wrong = [text for item in IMPORTS if package_of(item.importer) == package for text in violations(item)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", PRODUCT)
def test_every_package_has_modules(package: str) -> None:
    assert [name for name in MODULES if package_of(name) == package]


def test_there_are_no_import_cycles() -> None:
    arrows: dict[str, set[str]] = {name: set() for name in MODULES}
    for item in IMPORTS:
        if item.target in KNOWN and item.at_start:
            arrows[item.importer].add(item.target)
    assert cycle(arrows) == []


def test_the_engine_needs_no_server_package() -> None:
    assert not {item.target for item in IMPORTS if item.importer.startswith("lipar_core.")} & SERVER_PACKAGES


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_verify_and_bench_start_with_the_engine_s_packages_alone(command: str) -> None:
    packages = {package_of(f.target) for f in IMPORTS if f.importer == f"lipar_cli.{command}" and f.at_start}
    assert packages
    assert not packages & {*SERVER_PACKAGES, "server"}


def test_plain_modules_do_not_import_torch() -> None:
    names = [name for name in MODULES if room_of(name) is BY_NAME[PLAIN]]
    assert not loaded_by(names) & (TORCH | SERVER_PACKAGES)


def test_the_web_process_does_not_import_torch() -> None:
    names = [name for name in MODULES if package_of(name) == "server" and not name.startswith("server.model")]
    loaded = loaded_by(names)
    assert "fastapi" in loaded
    assert not loaded & TORCH


def test_the_command_line_starts_without_torch_and_server() -> None:
    assert not loaded_by(["lipar_cli.main"]) & (TORCH | SERVER_PACKAGES | {"server"})


def loaded_by(names: list[str]) -> set[str]:
    """Top-level packages in a new interpreter's `sys.modules` after importing the modules."""
    assert names
    code = (
        "import importlib, json, sys\n"
        f"for name in {[name.removesuffix('.__init__') for name in names]!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    reply = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert reply.returncode == 0, reply.stderr
    return set(json.loads(reply.stdout))


# Tests of the import reader itself


@pytest.mark.parametrize(
    ("module", "source", "violation"),
    [
        (
            "lipar_core.rope",
            "from lipar_core.kernels import attention",
            "imports lipar_core.kernels.attention (kernels)",
        ),
        ("lipar_core.kernels.attention", "from .. import session", "imports lipar_core.session (session)"),
        ("lipar_core.session", "def f():\n    import server.wire", "imports server.wire (wire)"),
        ("lipar_core.session", "import fastapi", "imports the package fastapi"),
        ("lipar_core.config", "import torch.nn as nn", "imports the package torch"),
        ("lipar_core.runtime.denoise", "from training import losses", "which is not part of the product"),
        ("server.media.edited_track", "from ..api import sessions", "imports server.api.sessions (api)"),
        ("server.media.edited_track", "if True:\n    import torch", "imports the package torch"),
        ("server.api.app", "from lipar_core.session import EditSession", "imports lipar_core.session (session)"),
        ("server.api.app", "from server.model import main", "imports server.model.__init__ (model)"),
        (
            "server.wire",
            "from server.control.registry import SessionHandle",
            "imports server.control.registry (control)",
        ),
        ("lipar_cli.edit", "import server.api.app", "imports server.api.app (api)"),
    ],
)
def test_a_backward_import_is_found(module: str, source: str, violation: str, tmp_path: Path) -> None:
    known = {
        "lipar_core.kernels.attention",
        "lipar_core.session",
        "server.api.sessions",
        "server.control.registry",
        "server.model.__init__",
        "server.wire",
        module,
    }
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    texts = [text for item in imports_of(module, path, known) for text in violations(item)]
    assert len(texts) == 1
    assert violation in texts[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lipar_core.session", "import torch\nfrom lipar_core import kernels, models"),
        ("lipar_core.kernels.attention", "import triton.language as tl\nfrom . import softmax"),
        ("server.model.engine", "from lipar_core.session import EditSession\nfrom server import wire"),
        ("lipar_cli.serve", "import server.api.app"),
    ],
)
def test_a_forward_import_is_allowed(module: str, source: str, tmp_path: Path) -> None:
    known = {"lipar_core.__init__", "lipar_core.models.__init__", "lipar_core.kernels.__init__", "server.wire", module}
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    assert [text for item in imports_of(module, path, known) for text in violations(item)] == []


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_choosing_a_preset_does_not_import_torch() -> None:
    """`lipar serve` chooses one in the web process, also on a machine with a GPU."""
    code = (
        "import sys; from lipar_cli import presets; "
        "presets.has_driver = lambda: True; presets.resolve('auto'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(("package", "allowed"), [("training", set()), ("benchmarks", {"harness"}), ("harness", set())])
def test_training_benchmarks_and_harness_import_only_the_product(package: str, allowed: set[str]) -> None:
    imports = [i for name, path in modules(package).items() for i in imports_of(name, path, KNOWN)]
    others = {"tests", "training", "benchmarks", "harness", "scripts"} - {package} - allowed
    wrong = {f"{i.importer}:{i.line} imports {i.target}" for i in imports if package_of(i.target) in others}
    assert not wrong, "\n".join(sorted(wrong))
