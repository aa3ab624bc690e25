"""The image of the CPU target, run as its unprivileged user on a read-only root."""

from collections.abc import Iterator

import httpx2
import pytest

from harness.live_server import LiveServer, running_server
from harness.local import ROOT
from harness.podman import Podman
from tests.deploy.stream import TOKENS, edited_blocks

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1800)]
RESTRICTED = ("--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges")
CONTAINER = "deployed"


def run_command(image: str, *flags: str, **environment: str) -> list[str]:
    variables = [flag for name, value in environment.items() for flag in ("--env", f"{name}={value}")]
    return ["run", "--rm", *RESTRICTED, "--shm-size=1g", *variables, *flags, image]


@pytest.fixture(scope="module")
def server(podman: Podman, cpu_image: str) -> Iterator[LiveServer]:
    command = run_command(cpu_image, f"--name={CONTAINER}", LIPAR_HOST="127.0.0.1", **TOKENS)
    with running_server(serve=["podman", *command, "serve"], environment=podman.settings) as server:
        yield server


async def test_it_edits_a_published_stream(server: LiveServer) -> None:
    assert await edited_blocks(server.address)


def test_it_serves_the_page(server: LiveServer) -> None:
    assert "<title>" in httpx2.get(server.address).text


def test_its_user_is_unprivileged_and_its_root_is_read_only(podman: Podman, server: LiveServer) -> None:
    write = "! touch /new 2> /dev/null; touch $HOME/new /weights/new /tmp/new"
    output = podman("exec", CONTAINER, "sh", "-ec", f"id -u; {write}; grep CapBnd /proc/1/status")
    assert output.split() == ["10001", "CapBnd:", "0000000000000000"]


def test_its_init_and_its_health_check(podman: Podman, server: LiveServer) -> None:
    assert podman("exec", CONTAINER, "cat", "/proc/1/cmdline").split("\0")[:3] == ["tini", "--", "lipar"]
    podman("exec", "--env", f"LIPAR_PORT={server.port}", CONTAINER, "python3", "/opt/healthcheck.py")
    assert not podman.is_healthy(CONTAINER)  # at the default port, where nothing listens


def test_the_image_says_what_it_is_and_holds_no_secret(podman: Podman, cpu_image: str) -> None:
    image = podman.image(cpu_image)
    config = image["Config"]
    assert config["User"] == "10001"
    assert set(config["Volumes"]) == {"/weights", "/var/lib/lipar"}
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert image["Healthcheck"]["Test"] == ["CMD", "python3", "/opt/healthcheck.py"]
    assert not [line for line in config["Env"] if "TOKEN" in line or "SECRET" in line]
    names = ["-name", ".env", "-o", "-name", "*.pem", "-path", "/opt/lipar/*key*", "-o", "-name", ".git"]
    found = podman(*run_command(cpu_image, "--entrypoint=find"), "/opt", "/weights", "/var/lib/lipar", *names)
    assert found == ""


def test_the_cuda_target_has_a_compiler_and_the_headers_of_python(podman: Podman) -> None:
    """Triton needs them. The rest of that target needs gigabytes of wheels, and a GPU to run."""
    podman.build(ROOT, "lipar-live:runtime-cuda", "--target", "runtime-cuda")
    include = "$(python3 -c 'import sysconfig; print(sysconfig.get_path(\"include\"))')"
    script = f"echo '#include <Python.h>' | gcc -I{include} -shared -fPIC -x c -o /tmp/x.so -"
    podman(*run_command("lipar-live:runtime-cuda", "--entrypoint=sh"), "-ec", script)
