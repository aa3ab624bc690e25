"""Failures are isolated: sessions that end early, a stopped model process."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from harness.local import free_port
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import TIMEOUT_S, RunningServer, Viewer, model_processes, resource

HANG_S = 5.0
CHANGES = 90  # with long prompts: more than the buffer of an unread pipe
LONG_PROMPT = 2000  # characters


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_bundle(tmp_path_factory.mktemp("preset"))
    settings = Settings(port=free_port(), preset=str(preset), threads=1, hang_timeout_s=HANG_S)
    with RunningServer(settings) as running:
        yield running


@pytest.fixture
async def viewer(server):
    async with server.ready() as client:
        viewer = Viewer(client)
        assert (await viewer.start()).status_code == 201
        await viewer.receives(4)
        yield viewer
        await client.delete(f"/api/v1/sessions/{viewer.id}")
        await viewer.close()


@contextlib.contextmanager
def standing_still(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it was ended meanwhile, as it should be
            os.kill(process, signal.SIGCONT)


async def test_a_session_ended_before_the_model_opens_it_has_no_effect(server, viewer):
    starts = server.app.state.sessions.pool.workers[0].starts
    (process,) = model_processes()
    other = Viewer(viewer.client)
    with standing_still(process):
        reply = await viewer.client.post("/api/v1/sessions", json={"sdp": await other.offer(), "type": "offer"})
        assert reply.status_code == 201
        assert (await viewer.client.delete(resource(reply))).status_code == 204
    await viewer.receives(8)
    await other.close()
    assert model_processes() == [process]
    assert server.app.state.sessions.pool.workers[0].starts == starts


async def test_a_stopped_model_process_is_replaced_despite_requests(viewer):
    (process,) = model_processes()
    with standing_still(process):
        changes = [asyncio.create_task(viewer.change(prompt="p" * LONG_PROMPT)) for _ in range(CHANGES)]
        async with asyncio.timeout(TIMEOUT_S):
            while model_processes() == [process]:
                assert (await viewer.client.get("/healthz")).status_code == 200
                await asyncio.sleep(0.2)
            replies = await asyncio.gather(*changes)
    assert {reply.status_code for reply in replies} == {503}
    await viewer.receives(8)
    assert (await viewer.status())["state"] == "live"
