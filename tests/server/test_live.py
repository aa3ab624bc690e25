"""The whole server with a random model: WebRTC, REST, failures."""

import asyncio
import json
import os
import signal
import time

import pytest

from harness.local import free_port
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import TIMEOUT_S, RunningServer, Viewer, eventually, model_processes

STOP_S = 15.0  # the documented limit is 5 s
CONNECTS_S = 2.0  # takes a third of a second on an idle machine


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    preset = write_bundle(tmp_path_factory.mktemp("preset"))
    return Settings(
        port=free_port(),
        preset=str(preset),
        threads=1,
        silence_timeout_s=4.0,
        grace_s=0.0,
        static=preset.parent / "none",
    )


@pytest.fixture(scope="module")
def server(settings):
    with RunningServer(settings) as running:
        yield running


@pytest.fixture
async def client(server):
    async with server.ready() as client:
        yield client
        assert (await client.get("/api/v1/sessions")).json() == []


@pytest.fixture
async def viewer(client):
    viewer = Viewer(client)
    assert (await viewer.start()).status_code == 201
    await viewer.receives(4)
    yield viewer
    await client.delete(f"/api/v1/sessions/{viewer.id}")
    await viewer.close()


async def test_parameters_change_over_the_data_channel(viewer):
    replies: list[dict[str, object]] = []
    control = viewer.pc.createDataChannel("control")
    control.on("message", lambda text: replies.append(json.loads(text)))
    await eventually(lambda: control.readyState == "open")
    control.send(json.dumps({"request": 1, "changes": {"seed": 9}}))
    control.send(json.dumps({"request": 2, "changes": {"seed": -9}}))
    await eventually(lambda: len(replies) == 2)
    applied, rejected = sorted(replies, key=lambda reply: reply["request"])
    assert applied["parameters"]["seed"] == 9
    assert rejected["error"]["path"] == "seed"
    assert (await viewer.status())["parameters"]["seed"] == 9


async def test_edited_frames_and_stats_come_back(viewer):
    await viewer.receives(20)
    assert set(viewer.sizes) == {(96, 64)}
    status = await viewer.status()
    assert status["model"] == {
        "preset": "random",
        "size": "96x64",
        "dtype": "float32",
        "worker": 0,
        "device": "cpu",
        "sharing": 1,
    }
    assert status["state"] == "live"
    assert status["stats"]["fps_in"] > 5
    assert status["stats"]["latency_ms"] > 0
    assert set(status["stats"]["stage_ms"]) == {"encode", "detect", "denoise", "decode", "clean"}
    await eventually(lambda: bool(viewer.telemetry))
    assert json.loads(viewer.telemetry[-1])["id"] == viewer.id


async def test_changes_are_acknowledged_with_a_block(viewer):
    first = (await viewer.change(prompt="no change", pruning={"tau": 0.7})).json()
    second = (await viewer.change(seed=4)).json()
    assert 0 < first["block"] <= second["block"]
    assert second["parameters"]["prompt"] == "no change"
    assert second["parameters"]["pruning"]["tau"] == 0.7
    assert (await viewer.status())["parameters"] == second["parameters"]
    assert second["prompt_tokens"] == {"used": 2, "given": 2, "unknown_words": []}
    mix = [{"text": "no change", "weight": 0.5}, {"text": "a castle", "weight": 0.25}]
    mixed = (await viewer.change(prompts=mix)).json()
    assert (mixed["parameters"]["prompts"], mixed["parameters"]["prompt"]) == (mix, "no change")
    assert mixed["prompt_tokens"] == {"used": 4, "given": 4, "unknown_words": ["castle"]}
    refused = (await viewer.change(prompts=[{"text": "a", "weight": 2}])).json()["detail"]
    assert (refused["path"], refused["value"]) == ("prompts[0].weight", 2)
    long = (await viewer.change(prompt="robot " * 80)).json()
    assert (
        long["prompt_tokens"]
        == (await viewer.status())["prompt_tokens"]
        == {
            "used": 64,
            "given": 80,
            "unknown_words": ["robot"],
        }
    )
    assert (await viewer.change(reset=True)).status_code == 200
    await viewer.receives(8)


async def test_a_connection_is_established_soon(client):
    viewer, started = Viewer(client), time.monotonic()
    assert (await viewer.start()).status_code == 201
    await eventually(lambda: viewer.pc.connectionState == "connected")
    assert time.monotonic() - started < CONNECTS_S
    await client.delete(f"/api/v1/sessions/{viewer.id}")
    await viewer.close()


async def test_pausing_repeats_the_frame_and_is_reported(viewer):
    assert (await viewer.change(paused=True)).json()["pending"] is True
    assert (await viewer.status())["state"] == "paused"
    await viewer.receives(5)
    assert (await viewer.change(paused=False)).json()["pending"] is False
    await viewer.receives(8)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"pruning": {"tau": -1}}, "pruning.tau"),
        ({"prompt": ""}, "prompt"),
        ({"colour": 1}, "colour"),
        ({"reset": 1}, "reset"),
    ],
)
async def test_rejections_name_path_value_and_range(viewer, changes, path):
    before = (await viewer.status())["parameters"]
    reply = await viewer.change(**changes)
    assert reply.status_code == 422
    detail = reply.json()["detail"]
    assert detail["path"] == path
    assert detail["allowed"]
    assert (await viewer.status())["parameters"] == before


async def test_a_full_server_rejects_with_the_reason_and_delete_frees_a_slot(client):
    viewers = [Viewer(client) for _ in range(3)]
    replies = [await viewer.start() for viewer in viewers]
    assert [reply.status_code for reply in replies] == [201, 201, 503]
    assert "2 slots are taken" in replies[2].json()["detail"]["message"]
    assert replies[0].headers["Location"] == f"sessions/{viewers[0].id}"
    for viewer in viewers[:2]:
        await viewer.receives(6)  # they take turns
        assert (await client.delete(f"/api/v1/sessions/{viewer.id}")).status_code == 204
        assert (await client.get(f"/api/v1/sessions/{viewer.id}")).status_code == 404
    for viewer in viewers:
        await viewer.close()


async def test_sessions_of_different_sizes_share_a_model_process(client):
    viewers = {size: Viewer(client, size=size) for size in ("96x64", "64x96")}
    for viewer in viewers.values():
        assert (await viewer.start()).status_code == 201
    for viewer in viewers.values():
        await viewer.receives(8)
    assert len(model_processes()) == 1
    for size, viewer in viewers.items():
        assert {f"{width}x{height}" for width, height in viewer.sizes} == {size}
        assert (await viewer.status())["model"]["size"] == size
        await client.delete(f"/api/v1/sessions/{viewer.id}")
        await viewer.close()


async def test_a_closed_page_frees_its_slot(client):
    viewer = Viewer(client)
    await viewer.start()
    await viewer.receives(2)
    await viewer.close()
    async with asyncio.timeout(TIMEOUT_S):
        while (await client.get("/api/v1/sessions")).json():
            await asyncio.sleep(0.1)


async def test_a_dead_model_process_is_replaced_under_the_same_session(server, viewer):
    counters = server.app.state.sessions.process_counters
    before = (counters.model_starts, counters.model_losses)
    await viewer.change(prompt="no change")
    (old,) = model_processes()
    os.kill(old, signal.SIGKILL)
    async with asyncio.timeout(TIMEOUT_S):
        while (await viewer.status())["state"] != "model_restarting":
            await asyncio.sleep(0.02)
    assert "ended unexpectedly" in (await viewer.status())["reason"]
    reply = await viewer.change(seed=1)
    assert reply.status_code == 503
    assert reply.json()["detail"]["message"]
    reply = await viewer.client.get("/readyz")
    assert (reply.status_code, reply.json()["workers"][0]["ready_after_s"]) == (503, None)
    async with asyncio.timeout(TIMEOUT_S):
        while (await viewer.status())["state"] != "live":
            await asyncio.sleep(0.1)
    assert "model_restarting" in [json.loads(text)["state"] for text in viewer.telemetry]  # telemetry reports it, too
    await viewer.receives(8)
    assert model_processes() != [old]
    assert (await viewer.client.get("/readyz")).json()["workers"][0]["ready_after_s"] > 0
    assert (await viewer.status())["parameters"]["prompt"] == "no change"
    assert (counters.model_starts, counters.model_losses) == (before[0] + 1, before[1] + 1)


async def test_preset_schema_and_health_routes(client, settings):
    preset = (await client.get("/api/v1/preset")).json()
    assert (preset["width"], preset["height"], preset["frames_per_block"]) == (96, 64, 4)
    assert preset["sizes"] == ["96x64", "64x96"]
    assert preset["styles"][0] == {"name": "Sketch", "prompt": "a pencil sketch", "picture": None}
    assert preset["parameters"]["pruning"]["tau"] == 0.4
    schema = (await client.get("/api/v1/schema")).json()
    pruning = schema["$defs"]["Pruning"]["properties"]
    assert (pruning["tau"]["minimum"], pruning["tau"]["maximum"]) == (0, 2)
    assert schema["properties"]["prompt"]["maxLength"] == 2000
    assert (await client.get("/api/v1/ice-servers")).json() == {"iceServers": []}
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    page = await client.get("/")
    assert page.status_code == 503
    assert "make web" in page.text
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert (await client.get("/api/v1/sessions/nobody")).json()["detail"]["message"].startswith("session 'nobody'")


async def test_the_server_stops_promptly_with_a_live_peer(settings, tmp_path):
    stopping = Settings(port=free_port(), preset=settings.preset, threads=1)
    running = RunningServer(stopping)
    running.thread.start()
    async with running.ready() as client:
        viewer = Viewer(client)
        await viewer.start()
        await viewer.receives(4)
        started = time.monotonic()
        running.server.should_exit = True
        await asyncio.to_thread(running.thread.join, STOP_S)
        assert not running.thread.is_alive()
        assert time.monotonic() - started < STOP_S
        await viewer.close()
