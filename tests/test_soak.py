"""Soak test: one long live session without leaks or stalls. `make soak`; LIPAR_SOAK_S is its length in seconds.

With the tiny model, and with an echo of 832x480 for the media plane without a model (`-k echo`).
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame

from harness.local import ROOT
from server.media.loss_repair import LossRepair

DURATION_S = float(os.environ.get("LIPAR_SOAK_S", "1800"))
SAMPLE_EVERY_S = 2.0
READY_WITHIN_S = 120
LONGEST_SILENCE_S = 10  # without one edited frame
MOST_GROWTH_MB_PER_MINUTE = 1.0
PICTURES = 32  # camera frames, drawn in advance, so that drawing is not measured
COMMANDS = {
    "tiny": [str(Path(sys.executable).with_name("lipar")), "serve", "--preset", "tiny"],
    "echo": [sys.executable, "-m", "harness.echo"],
}
WARM_UP_SHARE = 0.25  # of the samples: allocators and caches fill at first


class MovingBars(VideoStreamTrack):
    """A source in permanent motion: moving stripes with noise."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        random = np.random.default_rng(0)
        bars = np.tile((np.arange(width) // PICTURES % 2 * 160).astype(np.uint8), (height, 1))[..., None].repeat(
            3, axis=2
        )
        self.pictures = [
            np.roll(bars, i, axis=1) + random.integers(0, 32, bars.shape, np.uint8) for i in range(PICTURES)
        ]
        self.count = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        self.count += 1
        frame = VideoFrame.from_ndarray(self.pictures[self.count % PICTURES], format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


@dataclass
class Watch:
    """Arrival times of edited frames, and samples of the server's memory and latency."""

    arrivals: list[float] = field(default_factory=list)  # s, monotonic
    minutes: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)

    async def drain(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):  # the track's end
            while True:
                await track.recv()
                self.arrivals.append(time.monotonic())

    def silence_s(self) -> float:
        return time.monotonic() - self.arrivals[-1] if self.arrivals else 0.0


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("engine", COMMANDS)
async def test_a_long_session_neither_grows_nor_stops(engine: str) -> None:
    with server(COMMANDS[engine]) as (process, address):
        async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
            await wait_until_ready(client, process)
            async with session(client) as (path, watch):
                await observe(client, path, watch, process.pid)
            assert (await client.get(path)).status_code == 404
    report(watch)
    assert_steady(watch)


async def observe(client: httpx2.AsyncClient, path: str, watch: Watch, pid: int) -> None:
    """Sample for the whole duration; change the prompt once per minute."""
    styles = (await client.get("/api/v1/preset")).json()["styles"]
    start, changes = time.monotonic(), 0
    while (passed := time.monotonic() - start) < DURATION_S:
        await asyncio.sleep(SAMPLE_EVERY_S)
        state = (await client.get(path)).raise_for_status().json()
        assert state["state"] in ("connecting", "live"), state
        assert watch.silence_s() < LONGEST_SILENCE_S, state["stats"]
        watch.minutes.append(passed / 60)
        watch.memory_mb.append(memory_of_tree_mb(pid))
        watch.latency_ms.append(float(state["stats"]["latency_ms"] or 0))
        if passed // 60 > changes:
            changes += 1
            body = {"prompt": styles[changes % len(styles)]["prompt"]}
            (await client.patch(f"{path}/parameters", json=body)).raise_for_status()


def assert_steady(watch: Watch) -> None:
    assert watch.arrivals, "no edited frame came"
    growth, latency = growth_mb_per_minute(watch), watch.latency_ms[warm_up(watch) :]
    assert growth < MOST_GROWTH_MB_PER_MINUTE, f"memory grows by {growth:.2f} MB per minute"
    half = len(latency) // 2
    early, late = statistics.median(latency[:half]), statistics.median(latency[half:])
    assert late < 2 * early + 100, f"latency went from {early:.0f} to {late:.0f} ms"


def warm_up(watch: Watch) -> int:
    return int(len(watch.minutes) * WARM_UP_SHARE)


def growth_mb_per_minute(watch: Watch) -> float:
    first = warm_up(watch)
    return statistics.linear_regression(watch.minutes[first:], watch.memory_mb[first:]).slope


def report(watch: Watch) -> None:
    seconds = watch.arrivals[-1] - watch.arrivals[0] if watch.arrivals else 0.0
    p50, p95, p99 = np.percentile(watch.latency_ms, [50, 95, 99])
    print(
        f"\n{len(watch.arrivals)} edited frames in {seconds:.0f} s, longest silence "
        f"{max(np.diff(watch.arrivals), default=0.0):.1f} s; memory {watch.memory_mb[0]:.0f} -> "
        f"{watch.memory_mb[-1]:.0f} MB, {growth_mb_per_minute(watch):+.2f} MB per minute; "
        f"latency in the server p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms"
    )


@contextmanager
def server(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


async def wait_until_ready(client: httpx2.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        with suppress(httpx2.TransportError):  # not listening yet
            if (await client.get("/readyz")).status_code == 200:
                return
        await asyncio.sleep(0.5)
    pytest.fail(f"the server was not ready within {READY_WITHIN_S} s")


@asynccontextmanager
async def session(client: httpx2.AsyncClient) -> AsyncIterator[tuple[str, Watch]]:
    """A session fed by `MovingBars`: its path and the received frames; deleted at the end."""
    preset = (await client.get("/api/v1/preset")).json()
    peer, watch = RTCPeerConnection(), Watch()
    tasks: list[asyncio.Task[None]] = []
    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(watch.drain(track))))
    peer.addTrack(MovingBars(preset["width"], preset["height"]))
    repair = LossRepair(peer.getReceivers()[0])  # as in a browser: a busy machine loses packets, too
    await peer.setLocalDescription(await peer.createOffer())
    offer = {"sdp": peer.localDescription.sdp, "type": peer.localDescription.type}
    reply = (await client.post("/api/v1/sessions", json=offer)).raise_for_status().json()
    await peer.setRemoteDescription(RTCSessionDescription(reply["sdp"], reply["type"]))
    path = f"/api/v1/sessions/{reply['id']}"
    try:
        yield path, watch
    finally:
        (await client.delete(path)).raise_for_status()
        repair.stop()
        await peer.close()
        await asyncio.gather(*tasks)


def memory_of_tree_mb(root: int) -> float:
    """Resident memory of a process and its descendants."""
    parents, pages = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)], pages[int(folder.name)] = int(fields[1]), int(fields[21])
    tree = {root}
    while new := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= new
    return sum(pages[pid] for pid in tree if pid in pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
