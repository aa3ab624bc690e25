"""This machine's sources of Python and npm packages, for commands in a container.

With LIPAR_HOST_PACKAGES=1 pip's and npm's configuration (indexes, mirrors, certificates) is mounted while a command
runs. Without it they use their public defaults.
"""

import ast
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

PIP_OPTIONS = ("index-url", "extra-index-url", "find-links", "trusted-host", "timeout", "default-timeout")
CERTIFICATES = "/host-certificates.crt"  # not their usual place, which the ca-certificates package writes to


def mounts(folder: Path) -> list[str]:
    """Flags of `podman build` and `podman run`; files that they mount are written to `folder`."""
    if os.environ.get("LIPAR_HOST_PACKAGES") != "1":
        return []
    options = pip_configuration()
    certificates = options.get("cert")
    lines = [f"{name} = {options[name]}" for name in PIP_OPTIONS if name in options]
    pip, npm = folder / "pip.conf", folder / "npmrc"
    pip.write_text("\n".join(["[global]", *lines, *([f"cert = {CERTIFICATES}"] if certificates else [])]) + "\n")
    npm.write_text("".join(f"{line}\n" for line in npm_configuration(bool(certificates))))
    files = {str(pip): "/etc/pip.conf", str(npm): "/root/.npmrc"}
    files |= {path: path for path in local_folders(options)}
    if certificates:
        files[certificates] = CERTIFICATES
    return [flag for source, target in files.items() for flag in ("--volume", f"{source}:{target}:ro")]


def pip_configuration() -> dict[str, str]:
    """pip's options by name; those of the environment take precedence."""
    reply = subprocess.run(["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    entries = [line.partition("=")[::2] for line in reply.stdout.splitlines() if "=" in line]
    entries.sort(key=lambda entry: entry[0].startswith(":env:"))
    return {name.rpartition(".")[2]: " ".join(str(ast.literal_eval(value)).split()) for name, value in entries}


def npm_configuration(has_certificates: bool) -> list[str]:
    lines = [f"cafile={CERTIFICATES}"] if has_certificates else []
    if npm := shutil.which("npm"):
        reply = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=True)
        lines.append(f"registry={reply.stdout.strip()}")
    return lines


def local_folders(options: dict[str, str]) -> set[str]:
    """Folders of this machine that pip looks into; an index named `simple` refers to files beside it."""
    values = " ".join(options.get(name, "") for name in ("find-links", "index-url", "extra-index-url")).split()
    paths = {Path(urlsplit(value).path) for value in values if value.startswith(("/", "file:"))}
    return {str(path.parent if path.name == "simple" else path) for path in paths if path.exists()}
