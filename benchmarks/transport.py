"""Benchmark of the media plane without a model: `python -m benchmarks.transport [NAME...] [--seconds N]`.

A model process that only inverts pictures, 832x480 at 30 fps, H.264; a headless Chromium draws numbered pictures, sends
them and reads the numbers from what comes back. The results exclude camera exposure and display latency. Server
and Chromium share the machine. `narrow` and `steps` need root: they make network namespaces of their own.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

from playwright.sync_api import Error

from harness.barcode import HALF_SPEED, SETTLE_S, Seen, begin, page, page_inside, see
from harness.echo_process import echo
from harness.namespaces import wire

FREEZE_MS = 500
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NARROW = 1_200_000  # bit/s
STEPS = (5_000_000, 800_000, 5_000_000)


def chromium() -> Path:
    return next(Path(found) for name in CHROMIUM if (found := shutil.which(name)))


def clean(seconds: int) -> None:
    """Unimpaired link: latency, its parts, and CPU time per session."""
    with echo() as server, page(chromium()) as screen:
        begin(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        seen = Seen(screen, server, seconds)
        preview = screen.evaluate("window.preview()")
    stages = seen.status["stats"]["latency_stages_ms"]
    camera = seen.page["camera_ms"]
    parts = sum(stages.values())
    print(f"clean, {seconds} s: {seen}; {seen.cores:.2f} cores of the media process")
    print(f"  server's stages, ms: {stages}, sum {parts:.0f}")
    print(f"  page's encoder {camera:.0f} ms, its canvas to its screen without a network {preview:.0f} ms")
    print(f"  sum of all {parts + camera + preview:.0f} ms")


def loss(seconds: int) -> None:
    """3 % packet loss, inbound and outbound."""
    for direction in ("--loss-in", "--loss-out"):
        seen = see(chromium(), direction, "0.03", seconds=seconds)
        print(f"{direction} 3 %, {seconds} s: {(seen.gaps_ms > FREEZE_MS).sum()} freezes over {FREEZE_MS} ms; {seen}")


def narrow(seconds: int) -> None:
    """A link of 1.2 Mbit/s to the browser, from it, and in both directions."""
    for name in ("to the browser", "from the browser", "both directions"):
        with wire() as net:
            if name != "from the browser":
                net.limit(net.server, NARROW)
            if name != "to the browser":
                net.limit(net.client, NARROW)
            with echo(**net.at_server) as server, page_inside(chromium(), net) as screen:
                begin(screen, server.address)
                screen.wait_for_timeout(SETTLE_S * 1000)
                seen = Seen(screen, server, seconds)
        print(f"1.2 Mbit/s {name}, {seconds} s: {seen}")


def steps(seconds: int) -> None:
    """A link of 5, 0.8 and again 5 Mbit/s in each direction."""
    with wire() as net, echo(**net.at_server) as server, page_inside(chromium(), net) as screen:
        begin(screen, server.address)
        for rate in STEPS:
            net.limit(net.server, rate)
            net.limit(net.client, rate)
            seen = Seen(screen, server, seconds)
            print(f"{rate / 1e6} Mbit/s in each direction, {seconds} s after the change: {seen}")


def slow(seconds: int) -> None:
    """A model at half of real time, four frames per block."""
    seen = see(chromium(), *HALF_SPEED, seconds=seconds)
    latency = slope(zip(seen.at / 60_000, seen.latency_ms, strict=True))
    print(f"model at half of real time, {seconds} s: {seen}; slope {latency:+.1f} ms per minute")
    print(f"  media process: {seen.memory_mb[-1][1]:.0f} MB, {slope(seen.memory_mb):+.2f} MB per minute")


def slope(values: Iterable[tuple[float, float]]) -> float:
    return statistics.linear_regression(*zip(*values, strict=True)).slope


def killed(_: int) -> None:
    """kill -9 of the browser: until its connection is freed."""
    marker = f"--lipar-marker={os.getpid()}"
    with echo() as server, contextlib.suppress(Error), page(chromium(), marker) as screen:
        session = begin(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        found = subprocess.run(["pgrep", "-f", "--", marker], capture_output=True, text=True, check=True).stdout
        started = time.monotonic()
        for process in found.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        while state(server.address, session) != "parked":
            time.sleep(0.05)
        print(f"kill -9 of the browser: noticed after {time.monotonic() - started:.1f} s")


def state(address: str, session: str) -> str:
    with urllib.request.urlopen(f"{address}/api/v1/sessions/{session}", timeout=10) as reply:
        return str(json.load(reply)["state"])


def ended(_: int) -> None:
    """SIGTERM with four live sessions."""
    with echo() as server, page(chromium()) as first:
        for screen in [first, *(first.context.new_page() for _ in range(3))]:
            begin(screen, server.address, fps=15)
        print(f"SIGTERM with 4 live peers: ended after {server.stop():.1f} s")


SCENES: dict[str, tuple[Callable[[int], None], int]] = {
    "clean": (clean, 30),
    "loss": (loss, 60),
    "narrow": (narrow, 20),
    "steps": (steps, 15),
    "slow": (slow, 60),
    "killed": (killed, 0),
    "ended": (ended, 0),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SCENES)} (default: all)")
    parser.add_argument("--seconds", type=int, help="duration of each scene (default: its own)")
    given = parser.parse_args()
    for name in given.names or SCENES:
        scene, seconds = SCENES[name]
        scene(given.seconds or seconds)
