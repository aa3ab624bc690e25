"""A Debian root made by debootstrap, as the image that the Dockerfile starts from."""

import os
import subprocess
from pathlib import Path

from harness.podman import Podman

RELEASE, IMAGE = "bookworm", "docker.io/library/debian:12-slim"
MIRROR = os.environ.get("LIPAR_DEBIAN_MIRROR") or "http://deb.debian.org/debian"


def make_debian_image(podman: Podman, folder: Path) -> None:
    """Import a minimal root under the name of the registry's image."""
    root = folder / "debian"
    subprocess.run(["debootstrap", "--variant=minbase", RELEASE, root, MIRROR], check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen(["tar", "--one-file-system", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        command = ["podman", "import", "--change", 'CMD ["bash"]', "-", IMAGE]
        subprocess.run(command, stdin=tar.stdout, env=podman.environment, check=True, stdout=subprocess.DEVNULL)
    remove(root)


def remove(folder: Path) -> None:
    """Delete a folder, never what is mounted below it."""
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)
