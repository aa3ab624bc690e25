"""A model process that hangs or dies under live sessions, and requests meanwhile."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.echo import Echo, write_preset
from harness.echo_process import echo
from harness.local import ROOT, free_port
from server.settings import Settings
from tests.server.api.whip_client import SDP
from tests.server.live import TIMEOUT_S, RunningServer, Viewer, model_processes

STALLED_S = 3 * 3.0
RESTARTED_S = 3 * 7.0
AT_ONCE_S = 3.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_preset(tmp_path_factory.mktemp("preset"), width=320, height=192)
    with RunningServer(Settings(port=free_port(), preset=str(preset), max_sessions=3), Echo()) as running:
        yield running


@pytest.fixture
async def viewer(server):
    async with server.ready() as client:
        viewer = Viewer(client)
        assert (await viewer.start(prompt="before")).status_code == 201
        await viewer.receives(8)
        yield viewer
        await client.delete(f"/api/v1/sessions/{viewer.id}")
        await viewer.close()


async def seen(viewer: Viewer, state: str, within_s: float) -> dict[str, object]:
    async with asyncio.timeout(within_s):
        while (status := await viewer.status())["state"] != state:
            await asyncio.sleep(0.05)
    return status


async def test_a_hung_model_process_is_reported_and_replaced(viewer):
    (process,) = model_processes()
    os.kill(process, signal.SIGSTOP)
    started = time.monotonic()
    status = await seen(viewer, "stalled", STALLED_S)
    assert "no frame" in status["reason"]
    change = asyncio.create_task(viewer.change(prompt="lost"))
    status = await seen(viewer, "model_restarting", RESTARTED_S)
    assert "heartbeat" in status["reason"]
    reply = await change
    assert reply.status_code == 503
    assert "not applied" in reply.json()["detail"]["message"]
    await viewer.receives(8)
    assert time.monotonic() - started < RESTARTED_S
    status = await seen(viewer, "live", TIMEOUT_S)
    assert status["parameters"]["prompt"] == "before"
    assert status["reason"] is None
    assert process not in model_processes()


async def test_changes_are_rejected_at_once_while_there_is_no_model(server, viewer, monkeypatch):
    monkeypatch.setattr("server.workers.worker.BACKOFF_S", (1.5,))
    (process,) = model_processes()
    os.kill(process, signal.SIGKILL)
    await seen(viewer, "model_restarting", AT_ONCE_S)
    started = time.monotonic()
    assert (await viewer.change(prompt="after")).status_code == 503
    assert time.monotonic() - started < AT_ONCE_S
    await viewer.receives(8)
    assert (await viewer.status())["parameters"]["prompt"] == "before"
    reply = await viewer.change(prompt="after")
    assert reply.status_code == 200
    assert (await viewer.status())["parameters"]["prompt"] == "after"


async def test_a_change_during_setup_applies_at_the_first_block(tmp_path):
    silent = free_port()  # a STUN server that does not respond: gathering candidates takes five seconds
    preset = write_preset(tmp_path, width=320, height=192)
    settings = Settings(port=free_port(), preset=str(preset), ice_servers=(f"stun:127.0.0.1:{silent}",))
    with RunningServer(settings, Echo()) as server:
        async with server.ready() as client:
            viewer = Viewer(client)
            url = "/api/v1/whip?session=early"
            post = asyncio.create_task(client.post(url, content=await viewer.offer(), headers=SDP))
            async with asyncio.timeout(TIMEOUT_S):
                while (await client.get("/api/v1/sessions/early")).status_code != 200:
                    await asyncio.sleep(0.05)
            started = time.monotonic()
            reply = await client.patch("/api/v1/sessions/early/parameters", json={"prompt": "film noir"})
            assert time.monotonic() - started < AT_ONCE_S
            assert (reply.status_code, reply.json()["block"], reply.json()["pending"]) == (200, 0, True)
            assert (await post).status_code == 201
            assert (await client.get("/api/v1/sessions/early")).json()["parameters"]["prompt"] == "film noir"
            await client.delete("/api/v1/sessions/early")
            await viewer.close()


async def test_a_session_without_model_memory_is_rejected_and_disturbs_no_other(tmp_path):
    preset = write_preset(tmp_path, width=320, height=192)
    with RunningServer(Settings(port=free_port(), preset=str(preset), max_sessions=3), Echo(room=1)) as server:
        async with server.ready() as client:
            first, rejected, published, last = viewers = [Viewer(client) for _ in range(4)]
            assert (await first.start()).status_code == 201
            await first.receives(4)
            processes = model_processes()
            reply = await rejected.start()
            assert reply.status_code == 503
            assert "out of memory" in reply.json()["detail"]["message"]
            offer = await published.offer()
            assert (await client.post("/api/v1/whip?session=stage", content=offer, headers=SDP)).status_code == 503
            assert [status["id"] for status in (await client.get("/api/v1/sessions")).json()] == [first.id]
            await first.receives(8)
            assert model_processes() == processes
            await client.delete(f"/api/v1/sessions/{first.id}")
            assert (await last.start()).status_code == 201
            await last.receives(1)
            for viewer in viewers:
                await viewer.close()


@pytest.mark.soak
def test_processes_suspended_together_continue():
    """As by `docker pause` or suspend: time in which the web process did not run either does not count."""
    with echo(environment={"LIPAR_HANG_TIMEOUT_S": "1.5"}) as server:
        web = server.process.pid
        children = Path(f"/proc/{web}/task/{web}/children")
        before = children.read_text().split()
        for change, seconds in ((signal.SIGSTOP, 4.0), (signal.SIGCONT, 3.0)):
            for process in (web, *map(int, before)):
                os.kill(process, change)
            time.sleep(seconds)
        assert children.read_text().split() == before


def test_too_little_shared_memory_is_an_error_that_names_the_remedy(tmp_path):
    private = ["unshare", "-m"]
    if not shutil.which("unshare") or subprocess.run([*private, "true"], check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root, and is not allowed in most containers")
    script = (
        "import asyncio\n"
        "from server.errors import Unavailable\n"
        "from server.control.registry import SessionRegistry\n"
        "from server.settings import Settings\n"
        "from lipar_core.presets import load_preset, default_parameters\n"
        "async def main(preset):\n"
        "    sessions = SessionRegistry(Settings(preset=preset), load_preset(preset), print)\n"
        "    worker, = sessions.pool.workers\n"
        "    try:\n"
        "        parameters = default_parameters(sessions.preset, live=True)\n"
        "        sessions._new_handle(worker, sessions.preset, parameters, 'edit', None, None)\n"
        "    except Unavailable as error:\n"
        "        print(error)\n"
        "import sys\n"
        "asyncio.run(main(sys.argv[1]))\n"
    )
    preset = write_preset(tmp_path, width=832, height=480)
    mounted = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" -c "$1" "$2" && ls /dev/shm'
    command = [*private, "bash", "-c", mounted, sys.executable, script, str(preset)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--shm-size" in done.stdout
