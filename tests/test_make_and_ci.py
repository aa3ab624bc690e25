"""make, continuous integration, and tests that need optional programs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.local import ROOT


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


JOBS = {  # of `make test`: a part of each one's command
    "ruff": "ruff check",
    "formatting": "ruff format",
    "mypy": "mypy",
    "web page": "setup npm",
    "browser tests": "-m pytest -p no:cacheprovider tests/browser",
    "other tests": "-m pytest --ignore",
    "computation": "-m pytest -p no:cacheprovider tests/core",
}


@pytest.fixture
def make_test(tmp_path: Path) -> Callable[[str], tuple[int, str]]:
    """`make test` with programs that only print their command; the one whose command contains the text fails."""
    for name in ("ruff", "mypy", "python", "setup"):
        program = tmp_path / name
        program.write_text(
            '#!/bin/sh\necho "$(basename "$0") $*"\ncase "$(basename "$0") $*" in *"$FAILS"*) exit 1; esac\n'
        )
        program.chmod(0o755)

    def run(fails: str) -> tuple[int, str]:
        command = ["make", "test", f"BIN={tmp_path}", f"SETUP={tmp_path}/setup"]
        environment = {**clean_environment(), "FAILS": fails}
        reply = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
        return reply.returncode, reply.stdout

    return run


def test_make_test_runs_every_job_and_the_computation_ends_it(make_test: Callable[[str], tuple[int, str]]) -> None:
    code, output = make_test("no job")
    assert code == 0
    assert all(part in output for part in JOBS.values()), output
    assert output.index(JOBS["mypy"]) < output.index(JOBS["computation"])


@pytest.mark.parametrize("job", JOBS)
def test_a_failed_job_fails_make_test(job: str, make_test: Callable[[str], tuple[int, str]]) -> None:
    assert make_test(JOBS[job])[0] == 2


@pytest.mark.parametrize("required", [None, "1"])
def test_a_missing_browser_is_reported(required: str | None, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_page.py").write_text("def test_page(chromium):\n    assert chromium\n", encoding="utf-8")
    plain = {"PATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # loading the plugins takes seconds
    environment = {**clean_environment(), **plain} | ({"LIPAR_REQUIRE_TOOLS": required} if required else {})
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
