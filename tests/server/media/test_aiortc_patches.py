"""Patches of aiortc: replaced parts, SDP answers, UDP port range."""

import asyncio

import aiortc
import pytest
from aiortc import RTCPeerConnection, rtcrtpreceiver

from harness.local import free_udp_ports
from server.media import aiortc_patches
from server.media.answer_sdp import with_public_address, with_start_bitrate
from server.media.frame_buffer import FrameBuffer
from server.media.loss_repair import LossRepair
from server.media.sender_feedback import attach_feedback_handlers
from tests.server.media.test_frame_buffer import packet


async def test_aiortc_parts_are_replaced():
    """Fails if another aiortc release has moved these attributes."""
    assert aiortc.__version__.startswith(aiortc_patches.TESTED["aiortc"])
    connection = RTCPeerConnection()
    try:
        transceiver = connection.addTransceiver("video")
        repair = LossRepair(transceiver.receiver)
        assert transceiver.receiver._RTCRtpReceiver__jitter_buffer is repair.frames
        assert issubclass(FrameBuffer, rtcrtpreceiver.JitterBuffer)
        generator = transceiver.receiver._RTCRtpReceiver__nack_generator
        assert {"add", "missing"} <= set(dir(rtcrtpreceiver.NackGenerator()))
        assert not generator.add(packet(1, 0))
        assert generator.add(packet(3, 0))
        assert generator.missing == [2]
        repair.stop()
        keyframes: list[bool] = []
        attach_feedback_handlers(transceiver.sender, print, print, lambda: keyframes.append(True), print)
        transceiver.sender._send_keyframe()
        assert keyframes == [True]
        await transceiver.sender._retransmit(5)  # no longer in the history: a keyframe is needed
        assert keyframes == [True, True]
    finally:
        await connection.close()


def test_the_answer_has_the_start_bitrate():
    sdp = "m=video 9 UDP/TLS/RTP/SAVPF 97 99 98\r\na=rtpmap:97 VP8/90000\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97"
    sdp += "\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 packetization-mode=1\r\n"
    expected = sdp.replace("VP8/90000", "VP8/90000\r\na=fmtp:97 x-google-start-bitrate=1500")
    expected = expected.replace("packetization-mode=1", "packetization-mode=1;x-google-start-bitrate=1500")
    assert with_start_bitrate(sdp, 1_500_000) == expected


def test_a_public_address_replaces_the_host_address():
    sdp = (
        "a=candidate:1 1 udp 2130706431 10.0.0.5 40000 typ host\r\n"
        "a=candidate:2 1 udp 2130706431 fe80::1 40001 typ host\r\n"
        "a=candidate:3 1 udp 1694498815 198.51.100.9 4000 typ srflx raddr 10.0.0.5 rport 40000\r\n"
    )
    assert with_public_address(sdp, "203.0.113.7") == sdp.replace("10.0.0.5 40000 typ", "203.0.113.7 40000 typ")


async def test_media_ports_stay_within_the_range():
    loop = asyncio.new_event_loop()  # its own event loop, since the patch is permanent
    taken = []

    async def bind() -> int:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        taken.append(transport)
        return int(transport.get_extra_info("sockname")[1])

    async def bind_all() -> None:
        first = free_udp_ports(3)
        aiortc_patches.limit_udp_ports(asyncio.get_running_loop(), first, first + 2)
        ports = {await bind() for _ in range(3)}
        assert ports == {first, first + 1, first + 2}
        with pytest.raises(OSError, match="all UDP ports from"):
            await bind()
        for transport in taken:
            transport.close()
        await asyncio.sleep(0)

    try:
        await asyncio.to_thread(loop.run_until_complete, bind_all())
    finally:
        loop.close()


def test_a_missing_private_attribute_is_named():
    with pytest.raises(RuntimeError, match="aiortc's object no longer has _handle_rtcp_packet"):
        attach_feedback_handlers(object(), print, print, print, print)
