"""`make setup` and `make demo` on a Debian with nothing but Python and make."""

import subprocess
from pathlib import Path

import pytest

from harness.live_server import LiveServer
from harness.local import ROOT
from harness.podman import Podman

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(3000)]
IMAGE = CONTAINER = "clean-debian"
DOCKERFILE = """\
FROM debian:12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates make python3 python3-venv
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The tracked files, without what was built or installed."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    folder = tmp_path / "checkout"
    folder.mkdir()
    copy = ["xargs", "-0", "cp", "--parents", "--target-directory", str(folder)]
    subprocess.run(copy, cwd=ROOT, input=names, check=True)
    return folder


@pytest.fixture
def image(podman: Podman, tmp_path: Path) -> str:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    podman.build(tmp_path, IMAGE, "--file", str(tmp_path / "Dockerfile"))
    return IMAGE


def test_make_sets_up_and_serves(podman: Podman, image: str, checkout: Path, package_mounts: list[str]) -> None:
    run = ["run", "--rm", "--network=host", "--shm-size=1g", *package_mounts, "--volume", f"{checkout}:/lipar"]
    podman(*run, "--workdir=/lipar", image, "make", "setup")
    server = LiveServer(environment=podman.settings)
    command = f"make demo ARGS='--preset tiny --size 256x144 --port {server.port}'"
    server.command = ["podman", *run, f"--name={CONTAINER}", "--workdir=/lipar", image, "sh", "-c", command]
    server.start()
    try:
        server.wait_until_ready()
    finally:
        podman("rm", "--force", "--time=5", CONTAINER)
