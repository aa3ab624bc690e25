"""A server whose weights are missing."""

import asyncio

from harness.local import free_port
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import TIMEOUT_S, RunningServer, Viewer


async def test_missing_weights_are_reported_and_not_retried(tmp_path):
    preset = write_bundle(tmp_path)
    (tmp_path / "random.safetensors").unlink()
    broken = Settings(port=free_port(), preset=str(preset), threads=1)
    with RunningServer(broken) as running:
        async with running.client() as client, asyncio.timeout(TIMEOUT_S):
            reason = ""
            while "is missing" not in reason:
                await asyncio.sleep(0.2)
                if running.server.started:
                    reason = (await client.get("/readyz")).json()["reason"]
            viewer = Viewer(client)
            reply = await viewer.start()
            await viewer.close()
            assert reply.status_code == 503
            assert "random.safetensors is missing" in reply.json()["detail"]["message"]
        assert running.app.state.sessions.pool.workers[0].starts == 1
