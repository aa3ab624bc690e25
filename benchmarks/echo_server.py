"""The server with the echo in place of the model, and a Chromium that plays camera and screen of a session."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.live_server import free_port
from tests.rooms import ROOT

SCRIPT = Path(__file__).with_name("barcode.js")
READY_WITHIN_S = 60
FLAGS = ["--autoplay-policy=no-user-gesture-required", "--disable-renderer-backgrounding"]


class EchoServer:
    """`python -m tests.server.echo` in a process of its own."""

    def __init__(self, *flags: str, host: str = "127.0.0.1", before: tuple[str, ...] = ()) -> None:
        """`before` stands before the command, to run it elsewhere."""
        port, self.before = free_port(), before
        self.address = f"http://{host}:{port}"
        command = [sys.executable, "-m", "tests.server.echo", "--port", str(port), "--host", host, *flags]
        self.process = subprocess.Popen([*before, *command], cwd=ROOT)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        url = f"{self.address}/readyz"
        while subprocess.run([*self.before, "curl", "-sf", "-o", "/dev/null", url], check=False).returncode:
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server was not ready in time"
            time.sleep(0.2)

    @property
    def cpu_s(self) -> float:
        """Processor time that the web process has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory_mb(self) -> float:
        """Resident memory of the web process."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> float:
        """Seconds that it takes to end."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(60)
        return time.monotonic() - began


@contextmanager
def echo(*flags: str, host: str = "127.0.0.1", before: tuple[str, ...] = ()) -> Iterator[EchoServer]:
    server = EchoServer(*flags, host=host, before=before)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def begin(page: Page, address: str, *, fps: int = 30, codec: str = "H264") -> str:
    """Make a page of the server send barcodes and read them; returns the session's id once a number was read."""
    page.goto(f"{address}/healthz")  # any page of the same origin
    page.add_script_tag(path=SCRIPT)
    session: str = page.evaluate("options => window.begin(options)", {"fps": fps, "codec": codec})
    page.wait_for_function("window.seen.some(([, latency]) => latency !== null)")
    return session
