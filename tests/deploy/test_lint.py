"""Linters of the files that deploy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.local import ROOT

pytestmark = pytest.mark.deploy
SCRIPTS = (
    *(f"deploy/{name}.sh" for name in ("cloud", "coturn", "prometheus")),
    *(f"scripts/{name}.sh" for name in ("build_flash_attn", "install_nvcc")),
    ".ci/run",
)


def run(*command: str, **environment: str) -> None:
    reply = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False, capture_output=True, text=True)
    assert reply.returncode == 0, reply.stdout + reply.stderr


def tool(name: str) -> str:
    """A program of this Python environment."""
    return str(Path(sys.executable).with_name(name))


@pytest.mark.parametrize(
    "path", ["Dockerfile", *(f"tests/deploy/{name}.Dockerfile" for name in ("caddy", "coturn", "prometheus"))]
)
def test_dockerfile(path: str) -> None:
    run(tool("hadolint"), "--failure-threshold=warning", path)


@pytest.mark.parametrize("path", SCRIPTS)
def test_shell_script(path: str) -> None:
    run(tool("shellcheck"), path)


def test_compose_files() -> None:
    """Against the schema of the Compose specification, and dclint's rules."""
    npm = shutil.which("npm")
    assert npm is not None
    dclint = (npm, "exec", "--yes", "--package=dclint@3.1.0", "--", "dclint", "--config", "deploy/dclint.yaml")
    run(*dclint, "docker-compose.yml", "docker-compose.cpu.yml")
