"""OSC messages by UDP change a session on a running server."""

import asyncio

import pytest

from harness.local import free_port
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import RunningServer, Viewer
from tests.server.osc_bridge import OscBridge


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_bundle(tmp_path_factory.mktemp("preset"))
    with RunningServer(Settings(port=free_port(), preset=str(preset), threads=1, static=preset.parent)) as running:
        yield running


async def test_osc_messages_change_the_session(server, client):
    viewer = Viewer(client)
    assert (await viewer.start()).status_code == 201
    await viewer.receives(1)
    bridge = await asyncio.to_thread(OscBridge, server.url, viewer.id, viewer.token)
    try:
        for address, arguments, expected in (
            ("/lipar/prompt", ("no change",), "/lipar/prompt: from block"),
            ("/lipar/pruning/tau", (0.5,), "/lipar/pruning/tau: from block"),
            ("/lipar/reset", (1.0,), "/lipar/reset: from block"),
            ("/lipar/pruning/tau", (3.5,), "/lipar/pruning/tau 3.5: must be a finite number, >= 0 and <= 2"),
            ("/lipar/colour", ("red",), "/lipar/colour 'red': unknown; known are /lipar/prompt,"),
        ):
            assert (await asyncio.to_thread(bridge.answer, address, *arguments)).startswith(expected)
        assert "8 bytes are no OSC packet" in await asyncio.to_thread(bridge.answer_to, b"nonsense")
        parameters = (await viewer.status())["parameters"]
        assert (parameters["prompt"], parameters["pruning"]["tau"]) == ("no change", 0.5)
    finally:
        assert await asyncio.to_thread(bridge.stop) == 130
        await viewer.close()
