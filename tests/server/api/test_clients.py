"""Third-party clients: FFmpeg's WHIP muxer, connections through coturn, bundled offers as Chromium makes them."""

import asyncio
import contextlib
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aioice.ice
import av
import httpx2
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnection, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.coturn import SECRET, running_coturn
from harness.echo import Echo, write_preset
from harness.echo_process import echo
from harness.local import free_port, free_udp_ports
from server.settings import Settings
from tests.server.api.whip_client import Watcher
from tests.server.live import TIMEOUT_S, RunningServer, Viewer, eventually, resource

SIZE = (320, 192)
ADMIN, PUBLISH, VIEW = "admin-secret", "publish-secret", "view-secret"
FPS = 30


@pytest.fixture(scope="module")
def preset(tmp_path_factory) -> Path:
    return write_preset(tmp_path_factory.mktemp("preset"), width=SIZE[0], height=SIZE[1])


def certificate(folder: Path) -> dict[str, str]:
    """A P-256 key and certificate: with GnuTLS, the muxer's own uses a curve that OpenSSL 4 does not support."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "publisher")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1)).sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(signed.public_bytes(encoding))
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, *plain))
    return {"cert_file": str(folder / "cert.pem"), "key_file": str(folder / "key.pem")}


def publish(url: str, options: dict[str, str], stop: threading.Event) -> None:
    """Publish with FFmpeg until `stop` is set."""
    with av.open(url, "w", format="whip", options=options) as out:
        stream = out.add_stream("libx264", rate=FPS, options={"tune": "zerolatency", "preset": "superfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.profile, stream.codec_context.gop_size = "Baseline", FPS
        started = time.monotonic()
        for i in range(round(TIMEOUT_S * FPS)):
            if stop.is_set():
                break
            picture = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
            picture[:, (4 * i) % SIZE[0] :] = 90
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            time.sleep(max(0.0, started + i / FPS - time.monotonic()))


async def test_ffmpeg_publishes_and_ends_its_session(tmp_path):
    with echo(environment={"LIPAR_TOKEN": ADMIN, "LIPAR_EDITOR_TOKEN": PUBLISH, "LIPAR_VIEW_TOKEN": VIEW}) as server:
        admin = {"Authorization": f"Bearer {ADMIN}"}
        async with httpx2.AsyncClient(base_url=server.address, timeout=TIMEOUT_S, headers=admin) as client:
            stop, options = threading.Event(), certificate(tmp_path) | {"authorization": PUBLISH}
            publishing = asyncio.create_task(
                asyncio.to_thread(publish, f"{server.address}/api/v1/whip?session=ffmpeg", options, stop)
            )
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    while (await client.get("/api/v1/sessions/ffmpeg")).json().get("state") != "live":
                        assert not publishing.done(), publishing.exception()
                        await asyncio.sleep(0.1)
                watcher = Watcher(client)
                assert (await watcher.watch("ffmpeg", {"Authorization": f"Bearer {VIEW}"})).status_code == 201
                await watcher.sees(20)
                await watcher.close()
                picture = watcher.frames[-1].to_ndarray(format="rgb24")
                assert (picture.shape[1], picture.shape[0]) == (832, 480)
                assert picture.mean() > 150  # inverted
            finally:
                stop.set()
                await publishing
            # the muxer sends DELETE when it is closed: the session ends without a grace period
            assert (await client.get("/api/v1/sessions/ffmpeg")).status_code == 404


async def relayed(client: httpx2.AsyncClient) -> RTCPeerConnection:
    """A connection limited to the TURN server and the credentials that the server provides."""
    given = (await client.get("/api/v1/ice-servers")).json()["iceServers"]
    servers = [RTCIceServer(item["urls"], item["username"], item["credential"]) for item in given]
    return RTCPeerConnection(RTCConfiguration(servers, iceTransportPolicy=RTCIceTransportPolicy.RELAY))


async def test_editor_and_viewer_connect_through_a_relay_only(preset, turnserver, tmp_path):
    with running_coturn(turnserver, tmp_path) as url:
        settings = Settings(port=free_port(), preset=str(preset), ice_servers=(url,), turn_secret=SECRET)
        with RunningServer(settings, Echo()) as server:
            async with server.ready() as client:
                editor, watcher = Viewer(client), Watcher(client)
                editor.pc, watcher.pc = await relayed(client), await relayed(client)
                watcher.pc.on("track", watcher._begin)
                reply = await editor.start()
                assert reply.status_code == 201
                assert "typ relay" in editor.pc.localDescription.sdp
                assert "typ host" not in editor.pc.localDescription.sdp
                await editor.receives(10)
                headers = {"Authorization": f"Bearer {reply.json()['view_token']}"}
                seen = await watcher.watch(editor.id, headers)
                assert 'rel="ice-server"' in seen.headers["Link"]
                await watcher.sees(10)
                await watcher.close()
                await client.delete(f"/api/v1/sessions/{editor.id}")
                await editor.close()


async def test_wrong_relay_credentials_are_reported(preset, turnserver, tmp_path, monkeypatch, caplog):
    """In the response if only a relay could connect, and always in the log."""
    with running_coturn(turnserver, tmp_path) as url:
        settings = {"preset": str(preset), "ice_servers": (url,)}
        good = Settings(port=free_port(), turn_secret=SECRET, **settings)
        bad = Settings(port=free_port(), turn_secret="another", **settings)
        for given, status in ((good, 201), (bad, 503)):
            with RunningServer(given, Echo()) as server:
                async with server.ready() as client:
                    viewer = Viewer(client)
                    await viewer.offer()
                    with monkeypatch.context() as patch:
                        patch.setattr(aioice.ice, "get_host_addresses", lambda **_: [])
                        body = {"sdp": viewer.pc.localDescription.sdp, "type": "offer"}
                        reply = await client.post("/api/v1/sessions", json=body)
                    assert reply.status_code == status, reply.text
                    if status == 503:
                        assert "no network address" in reply.json()["detail"]["message"]
                    assert ("no relay candidate" in caplog.text) == (status == 503)
                    assert len((await client.get("/api/v1/sessions")).json()) == (status == 201)
                    await viewer.close()


async def test_a_full_port_range_is_reported_and_a_freed_port_is_used(preset):
    with contextlib.ExitStack() as taken:
        first = free_udp_ports(2)
        for port in (first, first + 1):
            for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                with contextlib.suppress(OSError):  # as on a machine without IPv6
                    sock = taken.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                    if family == socket.AF_INET6:
                        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    sock.bind((anywhere, port))
        settings = Settings(port=free_port(), preset=str(preset), udp_ports=f"{first}-{first + 1}")
        with RunningServer(settings, Echo()) as server:
            async with server.ready() as client:
                viewer = Viewer(client)
                rejected = await viewer.start()
                assert rejected.status_code == 503, rejected.text
                assert "no network address" in rejected.json()["detail"]["message"]
                assert (await client.get("/api/v1/sessions")).json() == []
                taken.close()
                body = {"sdp": viewer.pc.localDescription.sdp, "type": "offer"}
                reply = await client.post("/api/v1/sessions", json=body)
                assert reply.status_code == 201
                await viewer.pc.setRemoteDescription(RTCSessionDescription(reply.json()["sdp"], "answer"))
                await viewer.receives(4)
                await client.delete(resource(reply))
                await viewer.close()


async def test_candidates_of_the_first_media_section_suffice_with_bundle(preset):
    """aiortc's MAX_BUNDLE drops them: unless a packet of the browser arrives first, nothing connects."""
    with RunningServer(Settings(port=free_port(), preset=str(preset)), Echo()) as server:
        async with server.ready() as client:
            viewer = Viewer(client)
            viewer.pc.addTransceiver("audio", direction="recvonly")
            await viewer.offer()
            head, *media = viewer.pc.localDescription.sdp.split("m=")
            assert len(media) == 3
            bare = ["\r\n".join(line for line in item.split("\r\n") if "candidate" not in line) for item in media[1:]]
            body = {"sdp": "m=".join([head, media[0], *bare]), "type": "offer"}
            reply = await client.post("/api/v1/sessions", json=body)
            assert reply.status_code == 201
            session = server.app.state.sessions.handles[reply.json()["id"]]
            (transport,) = {item.receiver.transport.transport for item in session.peer.pc.getTransceivers()}
            assert transport.getRemoteCandidates()
            await viewer.pc.setRemoteDescription(RTCSessionDescription(reply.json()["sdp"], "answer"))
            await eventually(lambda: len(viewer.sizes) > 4)
            await client.delete(resource(reply))
            await viewer.close()
