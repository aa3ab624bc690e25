"""Images of the Dockerfile, built in a temporary folder on a Debian root from debootstrap.

LIPAR_DEPLOY_FOLDER names a folder that is kept, so that unchanged steps are not executed again.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.debian import IMAGE, make_debian_image, remove
from harness.host_packages import mounts
from harness.local import ROOT
from harness.podman import Podman

CPU_IMAGE = "lipar-live:cpu"
# With LIPAR_HOST_PACKAGES=1 PyTorch too comes from pip's configured indexes.
TORCH = ["--build-arg", "TORCH_CPU_INDEX="] if os.environ.get("LIPAR_HOST_PACKAGES") == "1" else []


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    if kept := os.environ.get("LIPAR_DEPLOY_FOLDER"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
        return
    temporary = Path(tempfile.mkdtemp(prefix="lipar-deploy-"))
    yield temporary
    remove(temporary)


@pytest.fixture(scope="session")
def podman(folder: Path) -> Iterator[Podman]:
    """Podman with `debian:12-slim`."""
    podman = Podman(folder)
    if not podman.has_image(IMAGE):
        make_debian_image(podman, folder)
    yield podman
    podman("rm", "--all", "--force", "--time", "5")
    podman("volume", "rm", "--all", "--force")


@pytest.fixture(scope="session")
def package_mounts(folder: Path) -> list[str]:
    return mounts(folder)


@pytest.fixture(scope="session")
def cpu_image(podman: Podman, package_mounts: list[str]) -> str:
    """The CPU target: every step of the Dockerfile that it needs has been executed."""
    podman.build(ROOT, CPU_IMAGE, "--target", "cpu", *TORCH, *package_mounts)
    return CPU_IMAGE
