"""Clients of WHIP and WHEP (RFC 9725, draft-ietf-wish-whep) by aiortc: a publisher and a player."""

import asyncio
from contextlib import asynccontextmanager

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from tests.server.live import TIMEOUT_S, Camera, eventually, resource

SDP = {"Content-Type": "application/sdp"}
ADMIN, PUBLISH, VIEW = "admin-secret", "publish-secret", "view-secret"
NO_TOKEN = {"Authorization": ""}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Watcher:
    """A WHEP player."""

    def __init__(self, client) -> None:
        self.client, self.location, self.etag = client, "", ""
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames: list[av.VideoFrame] = []
        self._reading: asyncio.Task[None] | None = None
        self.pc.on("track", self._begin)

    async def offer(self) -> str:
        self.pc.addTransceiver("video", direction="recvonly")
        self.pc.addTransceiver("audio", direction="recvonly")  # players ask for both
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def watch(self, session: str, headers: dict[str, str]):
        reply = await self.client.post(f"/api/v1/whep/{session}", content=await self.offer(), headers=SDP | headers)
        if reply.status_code == 201:
            self.location, self.etag = resource(reply), reply.headers["ETag"]
            await self.pc.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        return reply

    async def sees(self, more: int) -> None:
        target = len(self.frames) + more
        await eventually(lambda: len(self.frames) >= target)

    async def close(self) -> None:
        await self.pc.close()
        if self._reading is not None:
            self._reading.cancel()  # without a connection aiortc never ends a reader

    def _begin(self, track: MediaStreamTrack) -> None:
        async def read() -> None:
            try:
                while True:
                    self.frames.append(await track.recv())
            except MediaStreamError:
                return

        if track.kind == "video":
            self._reading = asyncio.create_task(read())


class Watch(Watcher):
    """A player as a context manager."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@asynccontextmanager
async def watching(client, session: str, token: str = VIEW):
    watcher = Watcher(client)
    try:
        assert (await watcher.watch(session, bearer(token))).status_code == 201
        yield watcher
    finally:
        await watcher.close()


@asynccontextmanager
async def publishing(client, query: str = ""):
    """Publish over WHIP; yields the connection and the 201 response."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Camera(), direction="sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    try:
        reply = await client.post(
            f"/api/v1/whip{query}", content=pc.localDescription.sdp, headers=SDP | bearer(PUBLISH)
        )
        assert reply.status_code == 201, reply.text
        await pc.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        yield pc, reply
        await client.delete(resource(reply), headers=bearer(PUBLISH))
        name = reply.headers["Location"].rsplit("/", 1)[1]
        await client.delete(f"/api/v1/sessions/{name}")  # with viewers the session is only parked
    finally:
        await pc.close()


async def becomes(client, session: str, expected: object, of: str = "state") -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while (await client.get(f"/api/v1/sessions/{session}")).json()[of] != expected:
            await asyncio.sleep(0.05)


async def live(client, session: str) -> None:
    await becomes(client, session, "live")
