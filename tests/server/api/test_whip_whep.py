"""WHIP and WHEP (RFC 9725, draft-ietf-wish-whep): publishing, watching, trickle ICE."""

import asyncio
import re

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from harness.local import free_port
from server.media.trickle import MEDIA_TYPE
from server.settings import Settings
from tests.server.api.whip_client import (
    ADMIN,
    NO_TOKEN,
    PUBLISH,
    SDP,
    VIEW,
    Watch,
    Watcher,
    bearer,
    becomes,
    live,
    publishing,
    watching,
)
from tests.server.bundle import write_bundle
from tests.server.live import Camera, RunningServer, Viewer, resource


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
async def client(client):
    client.headers.update(bearer(ADMIN))
    return client


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
            assert (await client.delete(second.location)).status_code == 200  # players close, then DELETE
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
                rejected = await late.watch("again", bearer(VIEW))
            assert rejected.status_code == 409
            assert rejected.headers["Retry-After"]
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
        rejected = await client.post(f"/api/v1/whep/{page.id}", content="v=0", headers=SDP | headers)
        assert rejected.status_code == 401
        assert rejected.headers["WWW-Authenticate"] == "Bearer"
    address = f"/api/v1/whep/{page.id}?token={reply.json()['view_token']}"
    by_address = await client.post(address, content=await other.offer(), headers=SDP | NO_TOKEN)
    assert by_address.status_code == 201
    assert (await client.delete(resource(by_address), headers=NO_TOKEN)).status_code == 200
    await other.close()
    await client.delete(f"/api/v1/sessions/{page.id}")
    await page.close()


async def test_viewers_are_limited_and_watching_before_the_first_frame_gets_409(client):
    async with publishing(client, "?session=full"):
        async with Watch(client) as early:
            reply = await early.watch("full", bearer(VIEW))
            if reply.status_code == 409:  # unless the first block is edited already
                assert reply.headers["Retry-After"]
        await live(client, "full")
        async with watching(client, "full"), watching(client, "full"), Watch(client) as third:
            rejected = await third.watch("full", bearer(VIEW))
            assert rejected.status_code == 503
            assert "slots for viewers" in rejected.json()["detail"]["message"]


async def test_trickled_candidates_connect(client):
    """The offer has no candidates; they follow by PATCH (RFC 9725, section 4.3.1)."""
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
        for extra_headers, text, status in [
            ({}, body, 428),
            ({"If-Match": '"other"'}, body, 412),
            ({"If-Match": "*"}, body, 422),
            (tag, "nothing", 422),
            (tag, f"{mid}\r\na=candidate:nonsense", 422),
            (tag, f"a=ice-ufrag:other\r\n{body}", 422),
            (tag | SDP, body, 415),
        ]:
            rejected = await client.patch(where, content=text, headers=frag | extra_headers)
            assert rejected.status_code == status, (text, rejected.text)
        assert (await client.patch(where, content=body, headers=frag | tag)).status_code == 204
        await live(client, "late")
        restart = await client.patch(where, content=body, headers=frag | {"If-Match": "*"})
        assert restart.status_code == 422
        async with watching(client, "late") as watcher:
            await watcher.sees(8)  # a rejected restart does not interrupt the video
        assert (await client.delete(where, headers=headers)).status_code == 200
    finally:
        await pc.close()
