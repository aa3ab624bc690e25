"""A page that plays camera and screen of a session: it sends numbered pictures and reads the numbers that come back."""

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
from harness.namespaces import Wire

SCRIPT = Path(__file__).with_suffix(".js")
SETTLE_S = 5  # rates and delays have found their place
HALF_SPEED = ("--block-s", str(4 / 15))  # an echo that takes four frames at 15 fps, of a camera with 30
FLAGS = ["--autoplay-policy=no-user-gesture-required", "--disable-renderer-backgrounding"]


@contextmanager
def page(chromium: Path, *flags: str) -> Iterator[Page]:
    with browser(chromium, *FLAGS, *flags) as context:
        yield context.new_page()


@contextmanager
def page_inside(chromium: Path, net: Wire) -> Iterator[Page]:
    """The same at the client's end of a wire."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "chromium"
        program.write_text(f'#!/bin/sh\nexec ip netns exec {net.client} {chromium} "$@"\n')
        program.chmod(0o755)
        with page(program) as opened:
            yield opened


def begin(page: Page, address: str, *, fps: int = 30, codec: str = "H264") -> str:
    """Begin a session at this server; returns its id once a number was read."""
    page.add_init_script(path=SCRIPT)  # as a tag the page's policy would forbid it
    page.goto(f"{address}/healthz")  # any page of the same origin
    session: str = page.evaluate("options => window.begin(options)", {"fps": fps, "codec": codec})
    wait_until(page, "window.seen.some(([, latency]) => latency !== null)")
    return session


class Seen:
    """What a page sees in a while, and what the server says at its end."""

    def __init__(self, page: Page, server: EchoServer, seconds: float) -> None:
        page.evaluate("window.seen.length = 0")
        cpu = server.cpu_s
        began = time.monotonic()
        self.memory_mb: list[tuple[float, float]] = []  # minutes, MB
        while (passed := time.monotonic() - began) < seconds:
            page.wait_for_timeout(1000)
            self.memory_mb.append((passed / 60, server.memory_mb))
        self.cores = (server.cpu_s - cpu) / passed
        seen: list[tuple[float, float | None]] = page.evaluate("window.seen")
        known = [(at, latency) for at, latency in seen if latency is not None]
        self.fps = len(known) / passed
        self.at, self.latency_ms = np.array(known).reshape(-1, 2).T
        self.gaps_ms = np.diff([at for at, _ in seen]) if len(seen) > 1 else np.array([1000 * passed])
        self.page: dict[str, float] = page.evaluate("window.figures")
        self.status: dict[str, Any] = page.evaluate("fetch('/api/v1/sessions').then(reply => reply.json())")[0]

    def __repr__(self) -> str:
        p50, p95 = np.percentile(self.latency_ms, [50, 95]) if len(self.latency_ms) else (np.nan, np.nan)
        gap = self.gaps_ms.max()
        return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, {self.fps:.1f} fps, longest gap {gap:.0f} ms"


def see(chromium: Path, *flags: str, seconds: int, codec: str = "H264") -> Seen:
    """What a page of its own sees of an echo of its own, begun with these flags, once it has settled."""
    with echo(*flags) as server, page(chromium) as screen:
        begin(screen, server.address, codec=codec)
        screen.wait_for_timeout(SETTLE_S * 1000)
        return Seen(screen, server, seconds)
