"""A running server and a browser stand-in: aiortc's own client with a synthetic camera."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import av
import httpx2
import numpy as np
import uvicorn
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.api.app import create_app
from server.settings import Settings
from server.workers.entry import Entry, main

TIMEOUT_S = 60.0  # starting a model process takes about 3 s on an idle machine


class RunningServer:
    """The application under uvicorn, on its own thread and event loop."""

    def __init__(self, settings: Settings, model: Entry = main) -> None:
        self.app = create_app(settings, model)
        self.url = f"http://{settings.host}:{settings.port}"
        config = uvicorn.Config(self.app, host=settings.host, port=settings.port, log_level="warning")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(TIMEOUT_S)
        assert not self.thread.is_alive()

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, timeout=TIMEOUT_S)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A client, once the server is ready."""
        async with self.client() as client:
            async with asyncio.timeout(TIMEOUT_S):
                while not self.server.started or (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.1)
            yield client


class Camera(VideoStreamTrack):
    """30 frames per second of a changing colour."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        self.frames += 1
        rgb = np.full((120, 160, 3), (self.frames * 5) % 256, np.uint8)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Viewer:
    """The editor's page: offers its camera and counts the edited frames."""

    def __init__(
        self, client: httpx2.AsyncClient, camera: VideoStreamTrack | None = None, size: str | None = None
    ) -> None:
        """size: the session's, WIDTHxHEIGHT; None: the server's."""
        self.client, self.camera = client, camera or Camera()
        self.size = size
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.sizes: list[tuple[int, int]] = []
        self.arrived: list[tuple[float, float]] = []  # arrival time and the sender's timestamp, in seconds
        self.levels: list[float] = []  # the mean luma of each edited frame
        self.telemetry: list[str] = []
        self.id = self.token = ""
        self.channel: RTCDataChannel | None = None
        self._receiving: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        self.pc.addTrack(self.camera)
        self.channel = self.pc.createDataChannel("telemetry")
        self.channel.on("message", self.telemetry.append)
        self.pc.on("track", self._begin)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def start(self, **parameters: object) -> httpx2.Response:
        body = {"sdp": await self.offer(), "type": "offer", "parameters": parameters, "size": self.size}
        reply = await self.client.post("/api/v1/sessions", json=body)
        if reply.status_code == 201:
            self.id, self.token = reply.json()["id"], reply.json()["token"]
            await self.pc.setRemoteDescription(RTCSessionDescription(reply.json()["sdp"], "answer"))
        return reply

    async def resume(self, session: str, token: str) -> httpx2.Response:
        body = {"sdp": await self.offer(), "type": "offer", "token": token}
        reply = await self.client.post(f"/api/v1/sessions/{session}/resume", json=body)
        if reply.status_code == 200:
            self.id, self.token = session, token
            await self.pc.setRemoteDescription(RTCSessionDescription(reply.json()["sdp"], "answer"))
        return reply

    async def status(self) -> dict[str, Any]:
        return (await self.client.get(f"/api/v1/sessions/{self.id}")).json()

    async def change(self, **changes: object) -> httpx2.Response:
        return await self.client.patch(f"/api/v1/sessions/{self.id}/parameters", json=changes)

    async def receives(self, more: int) -> None:
        """Wait until `more` further edited frames have arrived."""
        target = len(self.sizes) + more
        await eventually(lambda: len(self.sizes) >= target)

    async def close(self) -> None:
        await self.pc.close()
        if self._receiving is not None:
            await self._receiving

    def _begin(self, track: VideoStreamTrack) -> None:
        async def receive() -> None:
            try:
                while True:
                    frame = await track.recv()
                    self.sizes.append((frame.width, frame.height))
                    self.levels.append(float(frame.to_ndarray(format="gray").mean()))
                    self.arrived.append((time.monotonic(), float(frame.pts * frame.time_base)))
            except MediaStreamError:
                return  # the stream has ended

        self._receiving = asyncio.create_task(receive())


def resource(reply: httpx2.Response) -> str:
    """The URL of a created resource."""
    return str(reply.url.join(reply.headers["Location"]))


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until the condition is true, or fail."""
    async with asyncio.timeout(TIMEOUT_S):
        while not holds():
            await asyncio.sleep(0.05)


def wait_until(holds: Callable[[], bool]) -> None:
    """The same for tests without an event loop."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def model_processes() -> list[int]:
    """Of this process, in the order of their workers."""
    found = {process.name: process.pid for process in multiprocessing.active_children() if process.pid is not None}
    return [found[name] for name in sorted(found) if name.startswith("lipar-model-")]
