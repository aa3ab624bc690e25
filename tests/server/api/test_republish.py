"""A second offer under a live name, and a recreated session: a rejected client disturbs no other."""

import asyncio
import os
import re
import signal

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from harness.echo import Echo, write_preset
from harness.local import free_port
from server.settings import Settings
from tests.server.api.whip_client import ADMIN, PUBLISH, SDP, VIEW, bearer, live, publishing, watching
from tests.server.live import Camera, RunningServer, Viewer, model_processes


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_preset(tmp_path_factory.mktemp("preset"), width=320, height=192)
    with RunningServer(
        Settings(port=free_port(), preset=str(preset), token=ADMIN, editor_token=PUBLISH, view_token=VIEW), Echo()
    ) as running:
        yield running


@pytest.fixture
async def client(client):
    client.headers.update(bearer(ADMIN))
    return client


async def offer() -> str:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Camera(), direction="sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    return sdp


def without_codec(sdp: str) -> str:
    return re.sub(r"^(a=rtpmap:\d+) (?!rtx)\w+/90000", r"\1 unheard-of/90000", sdp, flags=re.MULTILINE)


async def test_a_rejected_second_offer_keeps_the_publisher_and_its_viewers(server, client, monkeypatch):
    async with publishing(client, "?session=stage&prompt=film%20noir&size=192x320") as (first, published):
        await live(client, "stage")
        view_token = published.headers["Link"].partition("token=")[2].partition(">")[0]
        async with watching(client, "stage", view_token) as watcher:
            await watcher.sees(4)
            session = server.app.state.sessions.get("stage")
            peer, sdp = session.peer, await offer()

            async def rejected(status: int, query: str, body: str) -> None:
                reply = await client.post(f"/api/v1/whip?session=stage{query}", content=body, headers=SDP)
                assert reply.status_code == status, reply.text
                assert session.peer is peer
                assert first.connectionState == "connected"

            assert {(frame.width, frame.height) for frame in watcher.frames} == {(192, 320)}
            await rejected(422, "&prompt=%20", sdp)
            await rejected(422, "&size=320x192", sdp)  # another than the open session's
            await rejected(422, "&size=64x64", sdp)
            await rejected(422, "", "v=0\r\nm=video nonsense")
            await rejected(422, "", without_codec(sdp))
            await watcher.sees(8)
            monkeypatch.setattr("server.workers.worker.BACKOFF_S", (1.0,))
            (process,) = model_processes()
            os.kill(process, signal.SIGKILL)
            async with asyncio.timeout(3.0):
                while server.app.state.sessions.pool.workers[0].state == "ready":
                    await asyncio.sleep(0.02)
            await rejected(503, "&prompt=other", sdp)
            await watcher.sees(8)
            assert (await client.get("/api/v1/sessions/stage")).json()["parameters"]["prompt"] == "film noir"


async def test_a_recreated_session_keeps_its_watch_link(client):
    before = Viewer(client)
    body = {"sdp": await before.offer(), "type": "offer", "name": "attic"}
    created = (await client.post("/api/v1/sessions", json=body)).json()
    assert created["id"] == "attic"
    again = Viewer(client)
    body = {"sdp": await again.offer(), "type": "offer", "name": "attic", "token": created["token"]}
    taken = await client.post("/api/v1/sessions", json=body)
    assert taken.status_code == 409
    viewers = body | {"name": "cellar", "token": created["view_token"]}  # the token of another open session
    assert (await client.post("/api/v1/sessions", json=viewers)).status_code == 409
    await client.delete("/api/v1/sessions/attic", headers=bearer(created["token"]))
    reply = (await client.post("/api/v1/sessions", json=body)).json()
    assert {name: reply[name] for name in ("id", "token", "view_token")} == {
        name: created[name] for name in ("id", "token", "view_token")
    }
    await client.delete("/api/v1/sessions/attic", headers=bearer(created["token"]))
    thief = Viewer(client)  # has only the watch link
    body = {"sdp": await thief.offer(), "type": "offer", "name": "attic", "token": created["view_token"]}
    stolen = (await client.post("/api/v1/sessions", json=body)).json()
    assert stolen["view_token"] not in (created["view_token"], created["token"])
    await client.delete("/api/v1/sessions/attic", headers=bearer(stolen["token"]))
    for viewer in (before, again, thief):
        await viewer.close()


@pytest.mark.parametrize("field", [{"name": "a b"}, {"name": ""}, {"token": "short"}, {"name": "x" * 65}])
async def test_an_invalid_name_or_token_is_rejected(client, field):
    reply = await client.post("/api/v1/sessions", json={"sdp": "v=0", "type": "offer"} | field)
    assert reply.status_code == 422
    assert next(iter(field)) in reply.json()["detail"]["path"]
