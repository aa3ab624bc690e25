"""The server with the echo model in its own process: for busy clients, signals, and measurements."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.local import ROOT, free_port

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
ASK = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)"


class EchoServer:
    """`python -m harness.echo`."""

    def __init__(
        self,
        *flags: str,
        host: str = "127.0.0.1",
        before: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`before` is put before the command (such as `ip netns exec`); `environment` is added to this process's."""
        port = free_port()
        self.before = before
        self.address = f"http://{host}:{port}"
        command = [sys.executable, "-m", "harness.echo", "--port", str(port), "--host", host, *flags]
        self.process = subprocess.Popen([*before, *command], cwd=ROOT, env={**os.environ, **(environment or {})})

    def wait_until_ready(self) -> None:
        ask = [*self.before, sys.executable, "-c", ASK, f"{self.address}/readyz"]
        deadline = time.monotonic() + READY_TIMEOUT_S
        while subprocess.run(ask, stderr=subprocess.DEVNULL, check=False).returncode:
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server was not ready in time"
            time.sleep(0.1)

    @property
    def cpu_s(self) -> float:
        """CPU time of the web process."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory_mb(self) -> float:
        """Resident memory of the web process."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> float:
        """Send SIGTERM; returns the seconds until the process has ended."""
        started = time.monotonic()
        self.process.terminate()
        assert self.process.wait(STOP_TIMEOUT_S) == 0
        return time.monotonic() - started


@contextmanager
def echo(*flags: str, **where: object) -> Iterator[EchoServer]:
    server = EchoServer(*flags, **where)  # type: ignore[arg-type]
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
