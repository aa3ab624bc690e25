"""Sessions on two workers: a fault of one is not the other's."""

import asyncio
import time

import httpx2
import pytest

from harness.echo import write_preset
from lipar_core.presets import load_preset
from server import wire
from server.api.app import create_app
from server.control.registry import SessionRegistry
from server.errors import NoCapacity, NoCodec, Unavailable
from server.settings import Settings
from tests.server.control.fake_peer import BAD, GOOD, FakePeer, install_fakes


@pytest.fixture
async def sessions(tmp_path, monkeypatch):
    install_fakes(monkeypatch)
    preset = str(write_preset(tmp_path, width=32, height=16))
    settings = Settings(preset=preset, devices=("cpu", "cuda:1"), max_sessions=4)
    sessions = SessionRegistry(settings, load_preset(preset), print)
    yield sessions
    await sessions.stop()


async def placed(sessions: SessionRegistry, *names: str) -> list[int]:
    """Create them; the workers that they are on."""
    return [(await sessions.create(GOOD, {}, name=name))[0].worker.index for name in names]


def loads(sessions: SessionRegistry) -> list[int]:
    return [worker.sessions for worker in sessions.pool.statuses()]


async def test_sessions_go_to_the_least_loaded_worker_and_say_to_which(sessions):
    assert await placed(sessions, "a", "b", "c") == [0, 1, 0]
    assert sessions.get("b").status()["model"]["device"] == "cuda:1"
    await sessions.close("a")
    await sessions.close("c")
    assert await placed(sessions, "d", "e", "f") == [0, 0, 1]
    with pytest.raises(NoCapacity, match="all 4 slots are taken"):  # of the server, not of a worker
        await placed(sessions, "g", "h")


async def test_a_displaced_session_is_not_counted(sessions):
    await placed(sessions, "a", "b", "c", "d")
    await sessions.get("b").park()
    assert await placed(sessions, "e") == [1]


async def test_a_failed_session_is_not_counted_and_is_closed_in_the_model_process(sessions):
    await placed(sessions, "a", "b")
    sessions.get("a").fail("a test")
    assert loads(sessions) == [0, 1]
    assert not sessions.pool.workers[0].opened


async def test_a_lost_model_process_concerns_its_own_sessions(sessions):
    await placed(sessions, "a", "b")
    first, second = sessions.pool.workers
    key = sessions.get("b").model.key
    first.end("killed")
    states = [sessions.get(name).status()["state"] for name in "ab"]
    assert states == ["model_restarting", "connecting"]
    with pytest.raises(Unavailable, match="killed; nothing was changed"):
        await sessions.get("a").update({"seed": 1})
    assert (await sessions.get("b").update({"seed": 1})).parameters.seed == 1
    assert await placed(sessions, "c") == [1]  # the other is away
    first.restart()
    assert list(first.opened) == [sessions.get("a").model.key]
    assert sessions.get("b").model.key == key in second.opened


async def test_a_model_that_cannot_be_loaded_fails_its_own_sessions(sessions):
    await placed(sessions, "a", "b")
    sessions.pool.workers[0].fail_to_load("no weights")
    assert sessions.get("a").status()["reason"] == "no weights"
    assert [sessions.get(name).phase.name for name in "ab"] == ["failed", "connected"]


async def test_a_displaced_session_that_stays_is_reopened_after_a_restart(sessions, monkeypatch):
    await placed(sessions, "a", "b", "c", "d")
    kept, (_, second) = sessions.get("b"), sessions.pool.workers
    await kept.park()
    monkeypatch.setattr(FakePeer, "delay_turns", 3)
    rejected = asyncio.create_task(sessions.create(BAD, {}, name="e"))
    await asyncio.sleep(0)
    assert "b" not in sessions.handles
    second.end("killed")
    second.restart()
    with pytest.raises(NoCodec):
        await rejected
    assert sessions.get("b") is kept
    assert kept.model.key in second.opened


async def test_sessions_share_the_speed_of_their_own_worker(sessions):
    await placed(sessions, "a", "b", "c")
    shared = []
    for name in "abc":
        handle = sessions.get(name)
        handle.frames._last_frame_at = time.monotonic()
        handle.model.handle = lambda event, sessions, name=name: shared.append((name, sessions))
    for name in "abc":
        handle = sessions.get(name)
        handle.worker.sessions.handle(wire.Opened(session=handle.model.key))
    assert shared == [("a", 2), ("b", 1), ("c", 2)]


async def test_readyz_needs_one_ready_worker_and_lists_all(sessions):
    app = create_app(sessions.settings)
    app.state.sessions = sessions
    await placed(sessions, "a")
    first, second = sessions.pool.workers
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        second.fail_to_load("no weights")
        reply = await client.get("/readyz")
        about = [("cpu", "ready", "", 1), ("cuda:1", "failed", "no weights", 0)]
        keys = ("index", "device", "state", "reason", "sessions")
        rows = [dict(zip(keys, (index, *row), strict=True), ready_after_s=None) for index, row in enumerate(about)]
        assert (reply.status_code, reply.json()) == (
            200,
            {"ready": True, "reason": "", "loading_s": None, "workers": rows},
        )
        first.end("killed")
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()["reason"]) == (503, "cpu: killed")
