"""Teardown: sessions ended at any moment, killed clients and processes, and leaks."""

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import aioice
import httpx2
import pytest

from harness.echo import Echo, write_preset
from harness.echo_process import echo
from harness.local import free_port
from server.settings import Settings
from tests.server.live import TIMEOUT_S, RunningServer, Viewer, eventually, model_processes

BLOCK_S = 0.3
STOPS_S = 3 * 5.0  # the documented limit is 5 s
NOTICED_S = 3 * 6.0
BACK_S = 3 * 2.0
HALF_OPEN, AT_ONCE = 40, 40
GATHERING_S = 2  # five by default


@pytest.fixture(scope="module")
def preset(tmp_path_factory) -> Path:
    return write_preset(tmp_path_factory.mktemp("preset"), width=320, height=192)


@pytest.fixture(scope="module")
def server(preset):
    """A server whose model is always editing a block."""
    settings = Settings(port=free_port(), preset=str(preset), max_sessions=2)
    with RunningServer(settings, Echo(BLOCK_S, whole_blocks=True)) as running:
        yield running


@pytest.fixture(scope="module")
def quick_server(preset):
    """A server with a fast model and no grace period."""
    settings = Settings(port=free_port(), preset=str(preset), max_sessions=AT_ONCE, grace_s=0.0, setup_timeout_s=1.0)
    with RunningServer(settings, Echo()) as running:
        yield running


@pytest.fixture
async def client(server):
    async with server.ready() as client:
        yield client
        await none_left(client)


async def begun(client: httpx2.AsyncClient) -> Viewer:
    viewer = Viewer(client)
    assert (await viewer.start()).status_code == 201
    await viewer.receives(2)
    return viewer


async def test_delete_during_setup(preset, monkeypatch):
    monkeypatch.setattr(aioice.Connection.get_component_candidates, "__defaults__", (GATHERING_S,))
    silent = free_port()  # a STUN server that does not respond: gathering candidates takes its whole time
    settings = Settings(port=free_port(), preset=str(preset), ice_servers=(f"stun:127.0.0.1:{silent}",))
    with RunningServer(settings, Echo()) as server:
        async with server.ready() as client:
            gone, stays = Viewer(client), Viewer(client)
            first = asyncio.create_task(gone.start())
            async with asyncio.timeout(TIMEOUT_S):
                while not (sessions := (await client.get("/api/v1/sessions")).json()):
                    await asyncio.sleep(0.01)
            second = asyncio.create_task(stays.start())
            assert (await client.delete(f"/api/v1/sessions/{sessions[0]['id']}")).status_code == 204
            assert (await first).status_code == 404
            assert (await second).status_code == 201  # with its host candidates
            await stays.receives(4)
            assert [session["id"] for session in (await client.get("/api/v1/sessions")).json()] == [stays.id]
            await client.delete(f"/api/v1/sessions/{stays.id}")
            await gone.close()
            await stays.close()


async def test_delete_succeeds_once_and_during_a_block(client):
    viewer, other = await begun(client), await begun(client)
    (process,) = model_processes()
    replies = await asyncio.gather(*(client.delete(f"/api/v1/sessions/{viewer.id}") for _ in range(3)))
    assert sorted(reply.status_code for reply in replies) == [204, 404, 404]
    await other.receives(8)
    assert model_processes() == [process]
    assert (await client.delete(f"/api/v1/sessions/{other.id}")).status_code == 204
    await viewer.close()
    await other.close()


async def test_sessions_survive_a_model_process_killed_during_a_block(client):
    viewer = await begun(client)
    (process,) = model_processes()
    os.kill(process, signal.SIGKILL)
    await eventually(lambda: model_processes() not in ([process], []))
    await viewer.receives(8)
    assert (await viewer.status())["state"] == "live"
    await client.delete(f"/api/v1/sessions/{viewer.id}")
    await viewer.close()


async def test_a_page_resumes_soon_with_its_token(client):
    viewer = await begun(client)
    await client.post(f"/api/v1/sessions/{viewer.id}/park", json={"token": viewer.token})
    again, started = Viewer(client), time.monotonic()
    assert (await again.resume(viewer.id, viewer.token)).status_code == 200
    await again.receives(1)
    assert time.monotonic() - started < BACK_S
    await client.delete(f"/api/v1/sessions/{viewer.id}")
    await viewer.close()
    await again.close()


def _page(address: str, pipe: Connection) -> None:
    """A page in its own process, until it is killed."""

    async def live() -> None:
        async with httpx2.AsyncClient(base_url=address, timeout=TIMEOUT_S) as client:
            viewer = await begun(client)
            pipe.send(viewer.id)
            await asyncio.sleep(TIMEOUT_S)

    asyncio.run(live())


async def test_a_killed_page_is_detected(server, client):
    context = multiprocessing.get_context("spawn")
    ours, child_pipe = context.Pipe()
    page = context.Process(target=_page, args=(server.url, child_pipe))
    page.start()
    assert await asyncio.to_thread(ours.poll, TIMEOUT_S)
    path = f"/api/v1/sessions/{ours.recv()}"
    page.kill()
    page.join()
    async with asyncio.timeout(NOTICED_S):
        while (await client.get(path)).json()["state"] != "parked":
            await asyncio.sleep(0.1)
    await client.delete(path)
    for end in (ours, child_pipe):
        end.close()


async def test_sigterm_ends_the_server_with_four_live_peers():
    with echo() as server:
        async with httpx2.AsyncClient(base_url=server.address, timeout=TIMEOUT_S) as client:
            viewers = await asyncio.gather(*(begun(client) for _ in range(4)))
            assert await asyncio.to_thread(server.stop) < STOPS_S
            for viewer in viewers:
                await viewer.close()


class Left:
    """What this process, which runs both the server and the client, has open now."""

    def __init__(self, server: RunningServer) -> None:
        self.files = len(os.listdir("/proc/self/fd"))
        self.threads = threading.active_count()
        self.tasks = len(asyncio.all_tasks(server.app.state.sessions._expiry_task.get_loop()))
        self.shared = len(list(Path("/dev/shm").glob(f"lipar-{os.getpid()}-*")))

    def __sub__(self, other: "Left") -> dict[str, int]:
        return {name: value - vars(other)[name] for name, value in vars(self).items() if value > vars(other)[name] + 3}


async def none_left(client: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while (await client.get("/api/v1/sessions")).json():
            await asyncio.sleep(0.1)


async def half_open(client: httpx2.AsyncClient, sdp: str, count: int) -> None:
    """Offers whose browser never connects."""
    for begin in range(0, count, AT_ONCE):
        for _ in range(begin, min(begin + AT_ONCE, count)):
            reply = await client.post("/api/v1/sessions", json={"sdp": sdp, "type": "offer"})
            assert reply.status_code == 201, reply.text
        await none_left(client)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
async def test_abandoned_offers_leak_nothing(quick_server):
    async with quick_server.ready() as client:
        viewer = Viewer(client)
        sdp = await viewer.offer()
        await half_open(client, sdp, 10)
        before = Left(quick_server)
        await half_open(client, sdp, HALF_OPEN)
        await asyncio.sleep(0.5)
        assert Left(quick_server) - before == {}
        await viewer.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
@pytest.mark.parametrize("rounds", [8, pytest.param(60, marks=pytest.mark.soak)])
async def test_session_churn_leaks_nothing(quick_server, rounds):
    async with quick_server.ready() as client:
        for _ in range(2):
            await churn(client)
        before = Left(quick_server)
        for _ in range(rounds):
            await churn(client)
        await asyncio.sleep(0.5)
        assert Left(quick_server) - before == {}


async def churn(client: httpx2.AsyncClient) -> None:
    viewer = await begun(client)
    await client.delete(f"/api/v1/sessions/{viewer.id}")
    await viewer.close()
