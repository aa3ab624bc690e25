"""Benchmark of the media plane without a model: `python -m benchmarks.transport [NAME...] [--seconds N]`.

A model process that only inverts frames, 832x480 at 30 fps, H.264; a headless Chromium draws numbered frames, sends
them and reads the numbers of the edited ones. The results exclude camera exposure and display latency. Server
and Chromium share the machine. `bandwidth` and `bandwidth_steps` need root, for network namespaces.
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

from harness.barcode import HALF_SPEED, SETTLE_S, Measurement, measure, page, page_inside, start_session
from harness.echo_process import echo
from harness.namespaces import veth_link

FREEZE_MS = 500
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 1_200_000  # bit/s
LIMIT_STEPS = (5_000_000, 800_000, 5_000_000)


def chromium() -> Path:
    return next(Path(path) for name in CHROMIUM if (path := shutil.which(name)))


def unimpaired(seconds: int) -> None:
    """Unimpaired link: latency, its parts, and CPU time per session."""
    with echo() as server, page(chromium()) as screen:
        start_session(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        measured = Measurement(screen, server, seconds)
        preview = screen.evaluate("window.preview()")
    stages = measured.status["stats"]["latency_stages_ms"]
    camera = measured.page["camera_ms"]
    parts = sum(stages.values())
    print(f"unimpaired, {seconds} s: {measured}; {measured.cores:.2f} cores of the media process")
    print(f"  server's stages, ms: {stages}, sum {parts:.0f}")
    print(f"  page's encoder {camera:.0f} ms, its canvas to its screen without a network {preview:.0f} ms")
    print(f"  sum of all {parts + camera + preview:.0f} ms")


def loss(seconds: int) -> None:
    """3 % packet loss, inbound and outbound."""
    for direction in ("--loss-in", "--loss-out"):
        measured = measure(chromium(), direction, "0.03", seconds=seconds)
        freezes = (measured.gaps_ms > FREEZE_MS).sum()
        print(f"{direction} 3 %, {seconds} s: {freezes} freezes over {FREEZE_MS} ms; {measured}")


def bandwidth(seconds: int) -> None:
    """A link of 1.2 Mbit/s to the browser, from it, and in both directions."""
    for name in ("to the browser", "from the browser", "both directions"):
        with veth_link() as link:
            if name != "from the browser":
                link.limit(link.server, LIMIT)
            if name != "to the browser":
                link.limit(link.client, LIMIT)
            with echo(**link.at_server) as server, page_inside(chromium(), link) as screen:
                start_session(screen, server.address)
                screen.wait_for_timeout(SETTLE_S * 1000)
                measured = Measurement(screen, server, seconds)
        print(f"1.2 Mbit/s {name}, {seconds} s: {measured}")


def bandwidth_steps(seconds: int) -> None:
    """A link of 5, 0.8 and again 5 Mbit/s in each direction."""
    with veth_link() as link, echo(**link.at_server) as server, page_inside(chromium(), link) as screen:
        start_session(screen, server.address)
        for rate in LIMIT_STEPS:
            link.limit(link.server, rate)
            link.limit(link.client, rate)
            measured = Measurement(screen, server, seconds)
            print(f"{rate / 1e6} Mbit/s in each direction, {seconds} s after the change: {measured}")


def slow_model(seconds: int) -> None:
    """A model at half of real time, four frames per block."""
    measured = measure(chromium(), *HALF_SPEED, seconds=seconds)
    latency = slope(zip(measured.times_ms / 60_000, measured.latency_ms, strict=True))
    print(f"model at half of real time, {seconds} s: {measured}; slope {latency:+.1f} ms per minute")
    print(f"  media process: {measured.memory_mb[-1][1]:.0f} MB, {slope(measured.memory_mb):+.2f} MB per minute")


def slope(values: Iterable[tuple[float, float]]) -> float:
    return statistics.linear_regression(*zip(*values, strict=True)).slope


def browser_killed(_: int) -> None:
    """kill -9 of the browser: time until its connection is freed."""
    marker = f"--lipar-marker={os.getpid()}"
    with echo() as server, contextlib.suppress(Error), page(chromium(), marker) as screen:
        session = start_session(screen, server.address)
        screen.wait_for_timeout(SETTLE_S * 1000)
        pids = subprocess.run(["pgrep", "-f", "--", marker], capture_output=True, text=True, check=True).stdout
        started = time.monotonic()
        for process in pids.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        while state(server.address, session) != "parked":
            time.sleep(0.05)
        print(f"kill -9 of the browser: detected after {time.monotonic() - started:.1f} s")


def state(address: str, session: str) -> str:
    with urllib.request.urlopen(f"{address}/api/v1/sessions/{session}", timeout=10) as reply:
        return str(json.load(reply)["state"])


def sigterm(_: int) -> None:
    """SIGTERM with four live sessions."""
    with echo() as server, page(chromium()) as first:
        for screen in [first, *(first.context.new_page() for _ in range(3))]:
            start_session(screen, server.address, fps=15)
        print(f"SIGTERM with 4 live peers: ended after {server.stop():.1f} s")


SCENARIOS: dict[str, tuple[Callable[[int], None], int]] = {
    "unimpaired": (unimpaired, 30),
    "loss": (loss, 60),
    "bandwidth": (bandwidth, 20),
    "bandwidth_steps": (bandwidth_steps, 15),
    "slow_model": (slow_model, 60),
    "browser_killed": (browser_killed, 0),
    "sigterm": (sigterm, 0),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SCENARIOS)} (default: all)")
    parser.add_argument("--seconds", type=int, help="duration of each scenario (default: its own)")
    arguments = parser.parse_args()
    for name in arguments.names or SCENARIOS:
        scenario, seconds = SCENARIOS[name]
        scenario(arguments.seconds or seconds)
