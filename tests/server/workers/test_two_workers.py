"""Two model processes: one ends, and the sessions of the other do not notice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from harness.echo import Echo, write_preset
from harness.local import free_port
from server.settings import Settings
from server.workers.entry import main
from tests.server.bundle import write_bundle
from tests.server.live import TIMEOUT_S, RunningServer, Viewer, model_processes

MODELS = {"echo": (Echo(), lambda folder: write_preset(folder, width=320, height=192)), "model": (main, write_bundle)}


@pytest.fixture(params=["echo", pytest.param("model", marks=pytest.mark.soak)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningServer]:
    entry, write = MODELS[request.param]
    settings = Settings(port=free_port(), preset=str(write(tmp_path)), devices=("cpu", "cpu"), max_sessions=3)
    with RunningServer(settings, entry) as running:
        yield running


@asynccontextmanager
async def both_ready(server: RunningServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with server.ready() as client, asyncio.timeout(TIMEOUT_S):
        while await states(client) != ["ready", "ready"]:
            await asyncio.sleep(0.1)
        yield client


async def states(client: httpx2.AsyncClient) -> list[str]:
    return [worker["state"] for worker in (await client.get("/readyz")).json()["workers"]]


async def test_the_end_of_a_model_process_concerns_its_own_sessions(server, monkeypatch):
    monkeypatch.setattr("server.workers.worker.BACKOFF_S", (1.0,))
    async with both_ready(server) as client:
        viewers = first, second, third = [Viewer(client) for _ in range(3)]
        for index, viewer in enumerate((first, second)):
            assert (await viewer.start()).status_code == 201
            assert (await viewer.status())["model"]["worker"] == index
            await viewer.receives(4)
        key = server.app.state.sessions.get(second.id).model.key
        os.kill(model_processes()[0], signal.SIGKILL)
        while (await first.status())["state"] != "model_restarting":
            await asyncio.sleep(0.02)
        assert await states(client) == ["loading", "ready"]
        assert (await client.get("/readyz")).status_code == 200
        await second.receives(4)
        assert (await second.status())["state"] == "live"
        assert (await third.start()).status_code == 201
        assert (await third.status())["model"]["worker"] == 1
        assert (await first.status())["state"] == "model_restarting"
        await first.receives(4)
        assert (await first.status())["model"]["worker"] == 0
        assert server.app.state.sessions.get(second.id).model.key == key  # it was not opened again
        for viewer in viewers:
            await client.delete(f"/api/v1/sessions/{viewer.id}")
            await viewer.close()
