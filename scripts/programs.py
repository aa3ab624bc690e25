"""Programs that the tests use, installed with apt-get as root on Debian."""

import os
import re
import shutil
import subprocess
from pathlib import Path

PROGRAMS = {  # Debian package -> names of its program
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "coturn": ("turnserver",),
    "iproute2": ("tc",),  # and ip: network namespaces of tests
}


def missing_packages() -> list[str]:
    return [package for package, programs in PROGRAMS.items() if not any(map(shutil.which, programs))]


def is_debian_root() -> bool:
    release = Path("/etc/os-release")
    debian = release.exists() and re.search(r"^ID=debian$", release.read_text(encoding="utf-8"), re.MULTILINE)
    return bool(debian) and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str]) -> str:
    """Install Debian packages without confirmation; returns the command that failed, or nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", *packages]):
        if subprocess.run([*command, "-y"], env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            return " ".join(command)
    return ""
