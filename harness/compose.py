"""docker-compose.yml on one machine without a GPU, run by podman-compose in a network namespace."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from harness.local import ROOT
from harness.podman import Podman

FILES = ("docker-compose.yml", "docker-compose.cpu.yml")
SERVICES = ("caddy", "coturn", "lipar")
TIMEOUT_S = 120


class Compose:
    """A copy of the compose files in `folder`, with `settings` filled into .env.example."""

    def __init__(self, podman: Podman, folder: Path, settings: dict[str, str], namespace: str = "") -> None:
        """`namespace`: the network that its services take for the host's; empty: this process's."""
        self.podman = podman
        self.folder = folder
        self.before = ("nsenter", f"--net=/run/netns/{namespace}") if namespace else ()
        for name in FILES:
            shutil.copy(ROOT / name, folder)
        shutil.copytree(ROOT / "deploy", folder / "deploy", dirs_exist_ok=True)
        text = (ROOT / ".env.example").read_text(encoding="utf-8")
        for name, value in settings.items():
            text, count = re.subn(rf"^#?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1, f"{name} is not in .env.example"
        (folder / ".env").write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str) -> str:
        """Run a command of compose; returns its output."""
        program = str(Path(sys.executable).with_name("podman-compose"))
        files = [flag for name in FILES for flag in ("--file", name)]
        command = [*self.before, program, *files, *arguments]
        run = subprocess.run(
            command, cwd=self.folder, env=self.podman.environment, check=False, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{command}: {run.stdout}{run.stderr}"
        return run.stdout + run.stderr

    def up(self) -> None:
        """Start all services; returns when all are healthy."""
        self("up", "--detach", "--no-build")
        deadline = time.monotonic() + TIMEOUT_S
        while waiting := [name for name in SERVICES if not self.podman.is_healthy(self.container(name))]:
            assert time.monotonic() < deadline, f"not healthy: {waiting}\n{self.logs()}"
            time.sleep(0.5)

    def down(self, *flags: str) -> None:
        self("down", *flags)

    def container(self, service: str) -> str:
        return f"lipar-live_{service}_1"

    def logs(self) -> str:
        return "\n".join(self.podman("logs", self.container(name)) for name in SERVICES)
