"""Programs and libraries that tests use, installed with apt-get as root on Debian."""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

TEST_PROGRAMS = {  # Debian package -> names of its program
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "coturn": ("turnserver",),
    "iproute2": ("tc",),  # and ip: network namespaces of tests
}
TEST_LIBRARIES = {"libatomic1": "libatomic.so.1"}  # Debian package -> file: of the Node in Playwright's wheel
DEPLOYMENT_PROGRAMS = {  # of `make test-deploy`
    "catatonit": ("catatonit",),
    "crun": ("crun",),
    "curl": ("curl",),
    "debootstrap": ("debootstrap",),
    "podman": ("podman",),
}


def missing_packages(*, deployment: bool = False) -> list[str]:
    programs = TEST_PROGRAMS | (DEPLOYMENT_PROGRAMS if deployment else {})
    missing = [package for package, names in programs.items() if not any(map(shutil.which, names))]
    return missing + [package for package, library in TEST_LIBRARIES.items() if not is_loadable(library)]


def is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


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
