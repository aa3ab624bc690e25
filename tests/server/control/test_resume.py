"""Browsers that disconnect and resume: the connection is closed at once, the session is parked."""

import asyncio
import time

import httpx2
import pytest

from harness.local import free_port
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import TIMEOUT_S, Camera, RunningServer, Viewer, eventually

GRACE_S, SHORT_GRACE_S, SILENCE_S = 20.0, 2.0, 2.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_bundle(tmp_path_factory.mktemp("preset"))
    settings = Settings(
        port=free_port(), preset=str(preset), threads=1, max_sessions=1, grace_s=GRACE_S, silence_timeout_s=SILENCE_S
    )
    with RunningServer(settings) as running:
        yield running


@pytest.fixture
async def viewer(client):
    viewer = Viewer(client)
    assert (await viewer.start(prompt="an old film")).status_code == 201
    await viewer.receives(4)
    yield viewer
    await client.delete(f"/api/v1/sessions/{viewer.id}")
    await viewer.close()


async def state_is(viewer: Viewer, expected: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while (await viewer.status()).get("state") != expected:
            await asyncio.sleep(0.05)


async def park(viewer: Viewer) -> httpx2.Response:
    return await viewer.client.post(f"/api/v1/sessions/{viewer.id}/park", json={"token": viewer.token})


async def test_a_browser_resumes_its_prompt_and_the_model_state(viewer):
    block = (await viewer.status())["stats"]["block"]
    await viewer.close()
    await state_is(viewer, "parked")
    again = Viewer(viewer.client)
    reply = await again.resume(viewer.id, viewer.token)
    assert reply.status_code == 200
    assert reply.json()["parameters"]["prompt"] == "an old film"
    await again.receives(4)
    status = await again.status()
    assert status["state"] == "live"
    assert status["stats"]["block"] > block  # not recreated in the model process
    await again.close()


async def test_a_new_connection_replaces_the_old_one(viewer):
    """After a change of network the server may not have detected the loss of the old connection."""
    again = Viewer(viewer.client)
    assert (await again.resume(viewer.id, viewer.token)).status_code == 200
    await again.receives(4)
    await asyncio.sleep(SILENCE_S + 1.5)  # the end of the old connection must not park the session
    assert (await again.status())["state"] == "live"
    await again.close()


async def test_only_its_token_resumes_a_session(viewer):
    stranger = Viewer(viewer.client)
    for path in ("resume", "park"):
        body = {"token": "guess"} | ({"sdp": await stranger.offer(), "type": "offer"} if path == "resume" else {})
        reply = await viewer.client.post(f"/api/v1/sessions/{viewer.id}/{path}", json=body)
        assert reply.status_code == 401
        assert "token is unknown" in reply.json()["detail"]["message"]
    await viewer.receives(2)
    await stranger.close()
    assert "token" not in await viewer.status()


async def test_after_a_rejected_offer_the_session_can_be_resumed(viewer):
    body = {"token": viewer.token, "sdp": "v=0 nonsense", "type": "offer"}
    assert (await viewer.client.post(f"/api/v1/sessions/{viewer.id}/resume", json=body)).status_code == 422
    await viewer.receives(2)  # the current connection stays
    again = Viewer(viewer.client)
    assert (await again.resume(viewer.id, viewer.token)).status_code == 200
    await again.receives(2)
    await again.close()


async def test_the_grace_period_ends_the_session(server, viewer, monkeypatch):
    monkeypatch.setattr(server.app.state.sessions, "settings", Settings(grace_s=SHORT_GRACE_S))
    assert (await park(viewer)).status_code == 204
    started = time.monotonic()
    await state_is(viewer, "parked")
    async with asyncio.timeout(TIMEOUT_S):
        while (await viewer.client.get(f"/api/v1/sessions/{viewer.id}")).status_code != 404:
            await asyncio.sleep(0.1)
    assert time.monotonic() - started > SHORT_GRACE_S - 1
    late = Viewer(viewer.client)
    assert (await late.resume(viewer.id, viewer.token)).status_code == 404
    await late.close()


async def test_a_new_session_displaces_a_parked_one(viewer):
    await park(viewer)
    other = Viewer(viewer.client)
    assert (await other.start()).status_code == 201  # with one slot
    await other.receives(2)
    assert (await viewer.client.get(f"/api/v1/sessions/{viewer.id}")).status_code == 404
    await other.client.delete(f"/api/v1/sessions/{other.id}")
    await other.close()


async def test_a_silent_browser_is_parked_and_a_silent_camera_with_pings_is_not(viewer, monkeypatch):
    async def nothing(_: Camera) -> None:
        await asyncio.sleep(TIMEOUT_S)

    monkeypatch.setattr(Camera, "recv", nothing)
    assert viewer.channel is not None
    started = time.monotonic()
    while time.monotonic() - started < SILENCE_S + 2:
        viewer.channel.send("ping")
        await asyncio.sleep(0.2)
    assert (await viewer.status())["state"] == "live"
    await state_is(viewer, "parked")


async def test_a_session_ends_at_its_maximum_age(client, server, viewer, monkeypatch):
    sessions = server.app.state.sessions
    monkeypatch.setattr(sessions.handles[viewer.id], "created_at", time.monotonic() - 100)
    assert sessions._expiry_reason(sessions.handles[viewer.id], time.monotonic()) is None
    monkeypatch.setattr(sessions, "settings", Settings(max_session_s=50.0))
    await eventually(lambda: viewer.id not in sessions.handles)
