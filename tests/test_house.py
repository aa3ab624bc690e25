"""Consistency of the repository: pins, packaging, notices, words."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from harness.local import ROOT
from tests.imports import PRODUCT, imports_of, is_third_party, modules, package_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
OPTIONAL = {name: [Requirement(t) for t in texts] for name, texts in PROJECT["optional-dependencies"].items()}
UNPINNED = {"flash-attn"}  # compiled on the machine that has a GPU


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = {}
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9A-Za-z.]+)", line)
            assert match, f"{line!r} is not a plain pin (name==version, without local version and URL)"
            versions[canonicalize_name(match[1])] = Version(match[2])
    return versions


def test_every_pinned_version_accepts_the_oldest_python() -> None:
    """Of the packages that are installed here; Debian 12 has an early 3.11, which a newer one does not show."""
    oldest = f"{PROJECT['requires-python'].removeprefix('>=')}.0"
    required = {canonicalize_name(one.metadata["Name"]): one.metadata["Requires-Python"] for one in distributions()}
    assert len(set(pins()) & set(required)) > 80
    rejected = {
        name: text for name, text in required.items() if name in pins() and text and oldest not in SpecifierSet(text)
    }
    assert rejected == {}


@pytest.mark.parametrize("requirement", [*NEEDED, *(r for extra in OPTIONAL.values() for r in extra)], ids=str)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    if name in UNPINNED:
        assert name not in pins()
    else:
        assert requirement.specifier.contains(pins()[name])


def test_every_package_that_the_product_imports_is_declared() -> None:
    product = modules(*PRODUCT)
    imported = {package_of(i.target) for name, path in product.items() for i in imports_of(name, path, set(product))}
    declared = {canonicalize_name(r.name) for r in [*NEEDED, *OPTIONAL["gpu"], *OPTIONAL["eval"], *OPTIONAL["osc"]]}
    distributions = packages_distributions()
    # FastAPI depends on starlette, and torch on triton.
    # lpips has large weights: `lipar eval` uses it if it is installed, and reports if it is not.
    declared |= {"starlette", "lpips"}
    for package in sorted(filter(is_third_party, imported)):
        names = {canonicalize_name(name) for name in distributions.get(package, [package.replace("_", "-")])}
        assert names & declared, f"{package} ({', '.join(sorted(names))}) is in no list of pyproject.toml"


def test_the_wheel_carries_presets_weights_and_the_page(tmp_path: Path) -> None:
    # A copy with a page and weights of a few bytes: the test needs no npm and does not change the checkout.
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


def test_every_clip_and_picture_is_named_in_the_notice() -> None:
    kinds = {".mp4", ".mkv", ".mov", ".webm", ".y4m", ".mjpeg", ".gif", ".jpg", ".jpeg", ".png"}
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    folders = ("docs", "lipar_core", "lipar_video", "lipar_eval", "lipar_cli", "tests", "training")
    # the page's icons are drawn by the project
    media = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix.lower() in kinds]
    runs = ROOT / "training" / "runs"  # what a training run leaves there is not published
    assert not [str(path.relative_to(ROOT)) for path in media if path.name not in notice and runs not in path.parents]
