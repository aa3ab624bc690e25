"""A page that sends numbered frames and reads the numbers of the edited frames, to measure latency."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from harness.browser import browser, wait_until
from harness.echo_process import EchoServer, echo
from harness.namespaces import VethLink

SCRIPT = Path(__file__).with_suffix(".js")
SETTLE_S = 5  # until rates and delays are steady
HALF_SPEED = ("--block-s", str(4 / 15))  # blocks of four frames at 15 fps, for a camera of 30
FLAGS = ["--autoplay-policy=no-user-gesture-required", "--disable-renderer-backgrounding"]


@contextmanager
def page(chromium: Path, *flags: str) -> Iterator[Page]:
    with browser(chromium, *FLAGS, *flags) as context:
        yield context.new_page()


@contextmanager
def page_inside(chromium: Path, link: VethLink, *flags: str) -> Iterator[Page]:
    """The same in the network namespace of the client."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "chromium"
        program.write_text(f'#!/bin/sh\nexec ip netns exec {link.client} {chromium} "$@"\n')
        program.chmod(0o755)
        with page(program, *flags) as opened:
            yield opened


def start_session(page: Page, address: str, *, fps: int = 30, codec: str = "H264") -> str:
    """Start a session; returns its id once a number was read."""
    page.add_init_script(path=SCRIPT)  # a script tag would violate the page's Content Security Policy
    page.goto(f"{address}/healthz")  # any page of the same origin
    session: str = page.evaluate("options => window.startSession(options)", {"fps": fps, "codec": codec})
    wait_until(page, "window.received.some(([, latency]) => latency !== null)")
    return session


class Measurement:
    """Frames that a page receives during `seconds`, and the server's status at their end."""

    def __init__(self, page: Page, server: EchoServer, seconds: float) -> None:
        page.evaluate("window.received.length = 0")
        cpu = server.cpu_s
        started = time.monotonic()
        self.memory_mb: list[tuple[float, float]] = []  # minutes, MB
        while (passed := time.monotonic() - started) < seconds:
            page.wait_for_timeout(1000)
            self.memory_mb.append((passed / 60, server.memory_mb))
        self.cores = (server.cpu_s - cpu) / passed
        measured: list[tuple[float, float | None]] = page.evaluate("window.received")
        known = [(at, latency) for at, latency in measured if latency is not None]
        self.fps = len(known) / passed
        self.times_ms, self.latency_ms = np.array(known).reshape(-1, 2).T
        self.gaps_ms = np.diff([at for at, _ in measured]) if len(measured) > 1 else np.array([1000 * passed])
        self.page: dict[str, float] = page.evaluate("window.stats")
        self.status: dict[str, Any] = page.evaluate("fetch('/api/v1/sessions').then(reply => reply.json())")[0]

    def __repr__(self) -> str:
        p50, p95 = np.percentile(self.latency_ms, [50, 95]) if len(self.latency_ms) else (np.nan, np.nan)
        gap = self.gaps_ms.max()
        return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, {self.fps:.1f} fps, longest gap {gap:.0f} ms"


def measure(chromium: Path, *flags: str, seconds: int, codec: str = "H264") -> Measurement:
    """Start an echo server with these flags and a page, let rates and delays settle, and measure."""
    with echo(*flags) as server, page(chromium) as screen:
        start_session(screen, server.address, codec=codec)
        screen.wait_for_timeout(SETTLE_S * 1000)
        return Measurement(screen, server, seconds)
