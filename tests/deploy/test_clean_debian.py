"""`make demo` and `make test` on a Debian with nothing but Python and make.

LIPAR_WHOLE_SUITE=1 runs all of `make test`, which takes half an hour on two idle cores.
"""

import os
import subprocess
from pathlib import Path

import pytest

from harness.live_server import LiveServer
from harness.local import ROOT
from harness.podman import Podman

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(7200)]
SETUP_TIMEOUT_S = 1800
IMAGE = CONTAINER = "clean-debian"
DOCKERFILE = """\
FROM debian:12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates make python3 python3-venv
"""


PART = (
    "tests/test_rooms.py tests/cli/test_commands.py tests/server/api/test_access.py"  # of the suite, which takes long
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files, without what was built or installed."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    folder = tmp_path_factory.mktemp("checkout")
    copy = ["xargs", "-0", "cp", "--parents", "--target-directory", str(folder)]
    subprocess.run(copy, cwd=ROOT, input=names, check=True)
    return folder


@pytest.fixture(scope="module")
def run(
    podman: Podman, checkout: Path, package_mounts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The arguments of podman before a command in the checkout."""
    dockerfile = tmp_path_factory.mktemp("image") / "Dockerfile"
    dockerfile.write_text(DOCKERFILE, encoding="utf-8")
    podman.build(dockerfile.parent, IMAGE, "--file", str(dockerfile))
    flags = ["--rm", "--init", "--network=host", "--shm-size=1g", f"--name={CONTAINER}", "--workdir=/lipar"]
    return ["run", *flags, *package_mounts, f"--volume={checkout}:/lipar", IMAGE]


def test_make_demo(podman: Podman, run: list[str]) -> None:
    server = LiveServer(environment=podman.settings)
    arguments = f"--preset tiny --size 256x144 --port {server.port}"
    server.command = ["podman", *run, "make", "demo", f"ARGS={arguments}"]
    server.start()
    try:
        server.wait_until_ready(SETUP_TIMEOUT_S)
    finally:
        podman("rm", "--force", "--time=5", CONTAINER)
        server.kill()


def test_make_test(podman: Podman, run: list[str]) -> None:
    """The set-up of the tests, all linters and checks of the page, and a part of the suite, or all of it."""
    part = [] if os.environ.get("LIPAR_WHOLE_SUITE") == "1" else [f"ARGS={PART}"]
    subprocess.run(["podman", *run, "make", "test", *part], env=podman.environment, check=True)  # its output is shown
