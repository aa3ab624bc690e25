"""Podman with its own storage: images are built and run without a registry, a daemon, systemd or cgroups.

It needs root and a mount namespace of its own, whose mounts end with the processes in it. LIPAR_OUTER_MOUNTS is the
namespace of the machine, by which `make test-deploy` shows that this is another.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

UNIFIED_CGROUPS = Path("/sys/fs/cgroup/unified")  # crun refuses machines that mount both versions of cgroups
CONTAINERS = """\
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


def has_private_mounts() -> bool:
    return os.environ.get("LIPAR_OUTER_MOUNTS", own := os.readlink("/proc/self/ns/mnt")) != own


class Podman:
    """`folder`: its configuration, images and containers."""

    def __init__(self, folder: Path) -> None:
        assert has_private_mounts(), "its mounts would stay: run `make test-deploy`"
        (folder / "containers.conf").write_text(CONTAINERS, encoding="utf-8")
        (folder / "registries.conf").write_text('unqualified-search-registries = ["docker.io"]\n', encoding="utf-8")
        (folder / "storage.conf").write_text(STORAGE.format(folder=folder), encoding="utf-8")
        self.settings = {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "DISABLE_HC_SYSTEMD": "true",  # health checks are run by `is_healthy`
        }
        self.environment = os.environ | self.settings
        if UNIFIED_CGROUPS.is_mount():
            subprocess.run(["umount", UNIFIED_CGROUPS], check=True)

    def __call__(self, *arguments: str) -> str:
        """Run a command to its end; returns its output, and shows errors."""
        command = ["podman", *arguments]
        return subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def has_image(self, name: str) -> bool:
        exists = ["podman", "image", "exists", name]
        return subprocess.run(exists, env=self.environment, check=False).returncode == 0

    def build(self, context: Path, tag: str, *flags: str) -> None:
        """Execute every step of a Dockerfile, in a chroot; the steps are printed."""
        isolated = ("--isolation", "chroot", "--format", "docker", "--pull=never", "--layers")
        subprocess.run(
            ["podman", "build", *isolated, "--tag", tag, *flags, str(context)], env=self.environment, check=True
        )

    def image(self, name: str) -> dict[str, Any]:
        """What `podman inspect` says about an image."""
        (image,) = json.loads(self("image", "inspect", name))
        return dict(image)

    def is_healthy(self, container: str) -> bool:
        """Run the container's health check."""
        check = ["podman", "healthcheck", "run", container]
        return subprocess.run(check, env=self.environment, capture_output=True, check=False).returncode == 0
