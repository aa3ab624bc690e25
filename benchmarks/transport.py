"""The media plane alone, against its targets: `python -m benchmarks.transport [NAME...] [--seconds N]`.

A model process that only inverts pictures, 832x480 at 30 fps, H.264; a headless Chromium draws numbered pictures, sends
them and reads the numbers from what comes back. No camera's exposure and no monitor's delay is in the figures. Server
and Chromium share the machine. `narrow` needs root: it makes network namespaces of its own.
"""

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import BrowserContext, Error, Page

from benchmarks.barcode import FLAGS, begin
from tests.browser.browser import browser
from tests.server.namespaces import wire
from tests.server.own_process import EchoServer, echo

SETTLE_S = 5
FREEZE_MS = 500
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HALF_SPEED_BLOCK_S = 4 / 15  # four frames at 15 fps, of a camera with 30


def chromium() -> Path:
    return next(Path(found) for name in CHROMIUM if (found := shutil.which(name)))


@contextlib.contextmanager
def page(*flags: str, program: Path | None = None) -> Iterator[tuple[BrowserContext, Page]]:
    with browser(program or chromium(), *FLAGS, *flags) as context:
        yield context, context.new_page()


class Seen:
    """What a page saw in a while, and what the server says at its end."""

    def __init__(self, page: Page, server: EchoServer, seconds: float) -> None:
        page.evaluate("window.seen.length = 0")
        cpu, began, self.memory, self.server_ms = server.cpu_s, time.monotonic(), [], []
        while (passed := time.monotonic() - began) < seconds:
            page.wait_for_timeout(1000)
            self.memory.append((passed / 60, server.memory_mb))
        self.cores = (server.cpu_s - cpu) / passed
        seen: list[tuple[float, float | None]] = page.evaluate("window.seen")
        self.times = np.array([at for at, _ in seen])
        known = [(at, latency) for at, latency in seen if latency is not None]
        self.at, self.latency = np.array(known).T
        self.fps = len(known) / passed
        self.figures: dict[str, float] = page.evaluate("window.figures")
        status = page.evaluate("fetch('/api/v1/sessions').then(reply => reply.json())")
        self.stats: dict[str, Any] = status[0]["stats"]

    @property
    def latency_line(self) -> str:
        p50, p95 = np.percentile(self.latency, [50, 95])
        return f"glass to glass p50 {p50:.0f} ms, p95 {p95:.0f} ms, {self.fps:.1f} fps"

    @property
    def freezes_line(self) -> str:
        gaps = np.diff(self.times)
        return f"{int((gaps > FREEZE_MS).sum())} freezes over {FREEZE_MS} ms, longest gap {gaps.max():.0f} ms"

    def slope(self, values: list[tuple[float, float]]) -> float:
        return statistics.linear_regression(*zip(*values, strict=True)).slope


def clean(seconds: int) -> None:
    """Nothing in the way: latency, where it goes, and what a session costs."""
    with echo() as server, page() as (_, screen):
        begin(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        seen = Seen(screen, server, seconds)
        preview = screen.evaluate("window.preview()")
    stages, camera = seen.stats["latency_stages_ms"], seen.figures["camera_ms"]
    total = sum(stages.values()) + camera + preview
    print(f"clean, {seconds} s: {seen.latency_line}; {seen.cores:.2f} cores of the media process")
    print(f"  stages, ms: {stages}, sum {sum(stages.values()):.0f}")
    print(f"  and the page's: encoder {camera:.0f}, canvas to screen without a network {preview:.0f}; all {total:.0f}")


def loss(seconds: int) -> None:
    """3 % of the packets lost, on the way in and on the way out."""
    for way in ("--lose-in", "--lose-out"):
        with echo(way, "0.03") as server, page() as (_, screen):
            begin(screen, server.address)
            screen.wait_for_timeout(SETTLE_S * 1000)
            seen = Seen(screen, server, seconds)
        print(f"{way} 3 %, {seconds} s: {seen.freezes_line}; {seen.latency_line}")


def narrow(seconds: int) -> None:
    """1.2 Mbit/s from the server to the browser."""
    with wire() as net, tempfile.TemporaryDirectory() as folder:
        net.limit(net.server, 1_200_000)
        program = Path(folder) / "chromium"
        program.write_text(f'#!/bin/sh\nexec ip netns exec {net.client} {chromium()} "$@"\n')
        program.chmod(0o755)
        there = {"host": net.server_address, "before": ("ip", "netns", "exec", net.server)}
        with echo(**there) as server, page(program=program) as (_, screen):
            begin(screen, server.address)
            screen.wait_for_timeout(SETTLE_S * 1000)
            seen = Seen(screen, server, seconds)
    print(f"1.2 Mbit/s to the browser, {seconds} s: {seen.latency_line}; {seen.freezes_line}")


def slow(seconds: int) -> None:
    """A model at half real time, four frames a block."""
    with echo("--block-s", str(HALF_SPEED_BLOCK_S)) as server, page() as (_, screen):
        begin(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        seen = Seen(screen, server, seconds)
    latency = seen.slope(list(zip(seen.at / 60_000, seen.latency, strict=True)))
    memory = seen.slope(seen.memory)
    print(f"model at half real time, {seconds} s: {seen.latency_line}; slope {latency:+.1f} ms a minute")
    print(f"  memory of the media process {seen.memory[-1][1]:.0f} MB, {memory:+.2f} MB a minute")


def killed(_: int) -> None:
    """kill -9 of the browser: until its connection is freed."""
    marker = f"--lipar-marker={os.getpid()}"
    with echo() as server, contextlib.suppress(Error), page(marker) as (_, screen):
        session = begin(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        found = subprocess.run(["pgrep", "-f", "--", marker], capture_output=True, text=True, check=True).stdout
        began = time.monotonic()
        for process in found.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        while '"parked"' not in _get(f"{server.address}/api/v1/sessions/{session}"):
            time.sleep(0.05)
        print(f"kill -9 of the browser: noticed after {time.monotonic() - began:.1f} s")


def ended(_: int) -> None:
    """SIGTERM with four live sessions."""
    with echo() as server, page() as (context, first):
        for number, screen in enumerate([first, *(context.new_page() for _ in range(3))]):
            begin(screen, server.address, fps=10 + number)
        print(f"SIGTERM with 4 live peers: ended after {server.stop():.1f} s")


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as reply:
        return str(reply.read())


SCENES: dict[str, tuple[Callable[[int], None], int]] = {
    "clean": (clean, 30),
    "loss": (loss, 60),
    "narrow": (narrow, 40),
    "slow": (slow, 60),
    "killed": (killed, 0),
    "ended": (ended, 0),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SCENES)}; all where none is named")
    parser.add_argument("--seconds", type=int, help="of each scene, in place of its own length")
    given = parser.parse_args()
    for name in given.names or SCENES:
        scene, seconds = SCENES[name]
        scene(given.seconds or seconds)
