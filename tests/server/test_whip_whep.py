"""WHIP in, WHEP out (RFC 9725, draft-ietf-wish-whep), viewers, and candidates that come late."""

import asyncio
import re
from contextlib import asynccontextmanager

import av
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from harness.local import free_port
from server.media.trickle import MEDIA_TYPE
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import PATIENCE_S, Camera, RunningServer, Viewer, eventually, resource

SDP = {"Content-Type": "application/sdp"}
ADMIN, PUBLISH, VIEW = "admin-secret", "publish-secret", "view-secret"
NO_TOKEN = {"Authorization": ""}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_bundle(tmp_path_factory.mktemp("preset"))
    settings = Settings(
        port=free_port(),
        preset=str(preset),
        threads=1,
        token=ADMIN,
        editor_token=PUBLISH,
        view_token=VIEW,
        max_viewers=2,
    )
    with RunningServer(settings) as running:
        yield running


@pytest.fixture
async def client(server):
    async with server.ready() as client:
        client.headers.update(bearer(ADMIN))
        yield client


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
        wanted = len(self.frames) + more
        await eventually(lambda: len(self.frames) >= wanted)

    async def close(self) -> None:
        await self.pc.close()
        if self._reading is not None:
            self._reading.cancel()  # aiortc lets a reader wait for ever where no connection came about

    def _begin(self, track: MediaStreamTrack) -> None:
        async def read() -> None:
            try:
                while True:
                    self.frames.append(await track.recv())
            except MediaStreamError:
                return

        if track.kind == "video":
            self._reading = asyncio.create_task(read())


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
    """A WHIP publisher: yields the connection and the 201."""
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
        await client.delete(f"/api/v1/sessions/{name}")  # it waits for its publisher's return while viewers are there
    finally:
        await pc.close()


async def becomes(client, session: str, wanted: object, of: str = "state") -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await client.get(f"/api/v1/sessions/{session}")).json()[of] != wanted:
            await asyncio.sleep(0.05)


async def live(client, session: str) -> None:
    await becomes(client, session, "live")


async def test_a_published_video_is_edited_watched_and_changed(client):
    async with publishing(client, "?session=studio&prompt=a%20pencil%20sketch") as (_, published):
        assert published.headers["Location"] == "whip/studio"
        assert published.headers["Content-Type"] == "application/sdp"
        assert re.fullmatch(r'"[0-9a-f]+"', published.headers["ETag"])
        assert "a=recvonly" in published.text
        assert "a=sendrecv" not in published.text
        assert 'rel="alternate"' in published.headers["Link"]
        await live(client, "studio")
        looked = await client.get("/api/v1/whep/studio", headers=bearer(VIEW))
        assert (looked.status_code, looked.content) == (204, b"")
        async with watching(client, "studio") as first, watching(client, "studio") as second:
            await asyncio.gather(first.sees(8), second.sees(8))
            assert (first.frames[0].width, first.frames[0].height) == (96, 64)
            status = (await client.get("/api/v1/sessions/studio")).json()
            assert status["viewers"] == 2
            assert {"wait", "model", "pacing", "encode", "transport_in"} <= set(status["stats"]["latency_stages_ms"])
            changed = await client.patch("/api/v1/sessions/studio/parameters", json={"prompt": "no change"})
            assert changed.status_code == 200
            assert (await client.delete(first.location)).status_code == 200
            assert (await client.delete(first.location)).status_code == 404
            await second.sees(4)
            await second.close()
            await becomes(client, "studio", 0, of="viewers")
            assert (await client.delete(second.location)).status_code == 200  # as players do: they close, then say so
            assert (await client.delete(second.location)).status_code == 404
        ended = await client.delete("/api/v1/whip/studio", headers=bearer(PUBLISH))
        assert ended.status_code == 200
        assert (await client.get("/api/v1/sessions/studio")).status_code == 404


async def test_republishing_continues_the_session_and_keeps_its_viewers(client):
    async with publishing(client, "?session=again&prompt=old") as (first, _):
        await live(client, "again")
        async with watching(client, "again") as watcher:
            await watcher.sees(4)
            await first.close()
            await becomes(client, "again", "parked")
            async with Watch(client) as late:
                refused = await late.watch("again", bearer(VIEW))
            assert refused.status_code == 409
            assert refused.headers["Retry-After"]
            async with publishing(client, "?session=again"):
                await watcher.sees(8)
                status = (await client.get("/api/v1/sessions/again")).json()
                assert status["parameters"]["prompt"] == "old"


async def test_an_editor_s_session_can_be_watched_with_its_own_token(client):
    page = Viewer(client)
    reply = await page.start()
    await page.receives(4)
    async with watching(client, page.id, reply.json()["view_token"]) as watcher:
        await watcher.sees(8)
        await page.receives(4)
    other = Watcher(client)
    for headers in (NO_TOKEN, bearer("wrong")):
        refused = await client.post(f"/api/v1/whep/{page.id}", content="v=0", headers=SDP | headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    address = f"/api/v1/whep/{page.id}?token={reply.json()['view_token']}"
    by_address = await client.post(address, content=await other.offer(), headers=SDP | NO_TOKEN)
    assert by_address.status_code == 201
    assert (await client.delete(resource(by_address), headers=NO_TOKEN)).status_code == 200
    await other.close()
    await client.delete(f"/api/v1/sessions/{page.id}")
    await page.close()


async def test_viewers_have_a_limit_and_nothing_live_is_said(client):
    async with publishing(client, "?session=full"):
        async with Watch(client) as early:
            reply = await early.watch("full", bearer(VIEW))
            if reply.status_code == 409:  # its first block may have been quicker
                assert reply.headers["Retry-After"]
        await live(client, "full")
        async with watching(client, "full"), watching(client, "full"), Watch(client) as third:
            refused = await third.watch("full", bearer(VIEW))
            assert refused.status_code == 503
            assert "slots for viewers" in refused.json()["detail"]["message"]


class Watch(Watcher):
    """A player that closes itself."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (bearer(PUBLISH) | {"Content-Type": "application/json"}, "v=0", 415),
        (bearer(PUBLISH), "v=0", 415),
        (bearer(PUBLISH) | SDP, "hello", 400),
        (bearer(PUBLISH) | SDP, b"v=\xff\xfe", 400),
        (bearer(PUBLISH) | SDP, "v=0\r\nm=audio", 422),
        (bearer(PUBLISH) | SDP, "v=0\r\nm=video nonsense", 422),
        (bearer(PUBLISH) | SDP, "v=0\r\n" + "a" * 1_000_000, 413),
        (SDP | NO_TOKEN, "v=0", 401),
        (SDP | bearer("wrong"), "v=0", 401),
        (SDP | {"Authorization": "Basic " + PUBLISH}, "v=0", 401),
    ],
)
async def test_invalid_publications_are_rejected(client, headers, body, status):
    reply = await client.post("/api/v1/whip", content=body, headers=headers)
    assert reply.status_code == status
    assert reply.json()["detail"]["message"]
    if status == 415:
        assert reply.headers["Accept-Post"] == "application/sdp"
    assert (await client.get("/api/v1/sessions")).json() == []


async def test_invalid_names_are_rejected(client):
    reply = await client.post("/api/v1/whip?session=a/b", content="v=0", headers=SDP | bearer(PUBLISH))
    assert reply.status_code == 422
    assert "session" in reply.json()["detail"]["message"]


async def test_preflights_and_options_need_no_token(client):
    asked = {"Origin": "https://player.example", "Access-Control-Request-Method": "POST"}
    client.headers.update(NO_TOKEN)
    for path in ("/api/v1/whip", "/api/v1/whep/some"):
        preflight = await client.options(path, headers=asked | {"Access-Control-Request-Headers": "authorization"})
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        plain = await client.options(path)
        assert plain.headers["Accept-Post"] == "application/sdp"
    assert (await client.get("/api/v1/whip", headers=bearer(PUBLISH))).status_code == 204
    closed = await client.options("/api/v1/sessions", headers=asked)
    assert "Access-Control-Allow-Origin" not in closed.headers


async def test_trickled_candidates_connect(client):
    """The offer names no address; they come by PATCH, as RFC 9725 section 4.3.1 wants it."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Camera(), direction="sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    lines = pc.localDescription.sdp.split("\r\n")
    late = [line for line in lines if line.startswith(("a=candidate:", "a=end-of-candidates"))]
    kept = [line for line in lines if line not in late]
    assert late
    headers = bearer(PUBLISH)
    try:
        reply = await client.post("/api/v1/whip?session=late", content="\r\n".join(kept), headers=SDP | headers)
        assert reply.status_code == 201
        await pc.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        frag = headers | {"Content-Type": MEDIA_TYPE}
        where, tag = resource(reply), {"If-Match": reply.headers["ETag"]}
        mid = next(line for line in lines if line.startswith("a=mid:"))
        body = "\r\n".join([mid, *late])
        for more, text, status in [
            ({}, body, 428),
            ({"If-Match": '"other"'}, body, 412),
            ({"If-Match": "*"}, body, 422),
            (tag, "nothing", 422),
            (tag, f"{mid}\r\na=candidate:nonsense", 422),
            (tag, f"a=ice-ufrag:other\r\n{body}", 422),
            (tag | SDP, body, 415),
        ]:
            refused = await client.patch(where, content=text, headers=frag | more)
            assert refused.status_code == status, (text, refused.text)
        assert (await client.patch(where, content=body, headers=frag | tag)).status_code == 204
        await live(client, "late")
        restart = await client.patch(where, content=body, headers=frag | {"If-Match": "*"})
        assert restart.status_code == 422
        async with watching(client, "late") as watcher:
            await watcher.sees(8)  # a restart that is refused costs no picture
        assert (await client.delete(where, headers=headers)).status_code == 200
    finally:
        await pc.close()
