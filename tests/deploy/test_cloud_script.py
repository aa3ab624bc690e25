"""deploy/cloud.sh on a real root: the steps that need neither a GPU nor Docker, and a dry run of all."""

from pathlib import Path

import pytest

from harness.local import ROOT
from harness.podman import Podman

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]
IMAGE = "cloud-machine"
DOCKERFILE = """\
FROM debian:12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends hostname iptables openssl ufw
WORKDIR /lipar
"""
ACTIVE = "ufw --force enable > /dev/null"


@pytest.fixture
def run(podman: Podman, tmp_path: Path) -> list[str]:
    """The arguments of podman before a command on the machine, which has a network of its own."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    podman.build(tmp_path, IMAGE)
    volumes = [f"--volume={ROOT / name}:/lipar/{name}:ro" for name in ("deploy", ".env.example")]
    flags = ["--rm", "--network=none", "--cap-add=NET_ADMIN,NET_RAW", "--env=LIPAR_DOMAIN=example.org"]
    return ["run", *flags, *volumes, IMAGE]


def test_settings_and_an_active_firewall(podman: Podman, run: list[str]) -> None:
    steps = "sh deploy/cloud.sh install settings firewall"
    output = podman(*run, "sh", "-ec", f"{ACTIVE}; {steps}; echo again; {steps}; ufw status; cat .env")
    first, again = output.split("again\n")
    assert "fail  firewall: ufw blocks 80/tcp" in first
    assert again.startswith("ok    settings: example.org, preset wan-1.3b\nok    firewall: ")
    assert "49160:49260/udp" in again
    assert "LIPAR_DOMAIN=example.org" in again


def test_a_dry_run_names_every_step(podman: Podman, run: list[str]) -> None:
    output = podman(*run, "sh", "deploy/cloud.sh", "dry-run")
    assert "debian 12" in output
    assert "+ nvidia-ctk runtime configure --runtime=docker" in output
    assert "+ docker compose up --detach" in output
