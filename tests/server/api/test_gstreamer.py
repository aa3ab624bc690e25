"""GStreamer as publisher and viewer, if it is installed."""

import asyncio
import json
import subprocess
from pathlib import Path

import httpx2
import pytest

from harness.echo_process import EchoServer, echo
from tests.server.live import TIMEOUT_S

PEER = Path(__file__).with_name("gstreamer_peer.py")
PYTHON = Path("/usr/bin/python3")  # has GStreamer's bindings
ELEMENTS = "webrtcbin", "nicesrc", "x264enc", "vp8enc", "opusenc", "avdec_h264"
NEEDS = f"""
import gi
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC
Gst.init(None)
assert all(map(Gst.ElementFactory.find, {ELEMENTS}))
"""
PUBLISH, VIEW = "publish-secret", "view-secret"


def is_installed() -> bool:
    return PYTHON.exists() and not subprocess.run([PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode


def start(role: str, server: EchoServer, path: str, token: str, codec: str, seconds: float) -> subprocess.Popen[bytes]:
    command = [PYTHON, PEER, role, server.address + path, token, codec, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.mark.parametrize("codec", ["H264", "VP8"])
async def test_gstreamer_publishes_and_views_video_and_audio(codec):
    if not is_installed():
        pytest.skip("GStreamer's webrtcbin with its Python bindings, libav, ugly and nice plugins is not installed")
    with echo(environment={"LIPAR_EDITOR_TOKEN": PUBLISH, "LIPAR_VIEW_TOKEN": VIEW}) as server:
        publisher = start("publish", server, "/api/v1/whip?session=studio", PUBLISH, codec, TIMEOUT_S)
        try:
            headers = {"Authorization": f"Bearer {PUBLISH}"}
            async with httpx2.AsyncClient(base_url=server.address, headers=headers) as client:
                async with asyncio.timeout(TIMEOUT_S):
                    while (await client.get("/api/v1/sessions/studio")).json().get("state") != "live":
                        assert publisher.poll() is None, publisher.stdout.read()
                        await asyncio.sleep(0.1)
            viewer = start("watch", server, "/api/v1/whep/studio", VIEW, codec, 6.0)
            seen = json.loads(viewer.communicate(timeout=TIMEOUT_S)[0])
        finally:
            publisher.kill()
            publisher.communicate()
    assert seen["status"] == 201
    assert seen["error"] is None
    assert seen["frames"] > 30
    assert seen["size"] == [832, 480]
    assert seen["mean"] == pytest.approx([255 - 200, 255 - 60, 255 - 60], abs=8)  # the echo inverts
    assert seen["audio_buffers"] > 20
    assert seen["peak"] == pytest.approx(0.5, abs=0.1)
