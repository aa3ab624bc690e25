"""The parts of the media plane that replace aiortc's: encoder, rate control, frame assembly, NACKs."""

import asyncio
import time
from fractions import Fraction

import aiortc
import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, VideoStreamTrack, rtcrtpreceiver
from aiortc.rtp import RtpPacket, is_rtcp

from harness.local import free_port
from server.media import aiortc_patches
from server.media.answer_sdp import with_public_address, with_start_bitrate
from server.media.frame_buffer import CAPACITY, NACK_INTERVAL_S, NACK_TIMEOUT_S, FrameBuffer, MissingPackets
from server.media.h264 import CLOCK_RATE, H264Encoder
from server.media.loss_repair import LossRepair
from server.media.rate_control import HIGH_LOSS, RateControl
from server.media.sender_feedback import attach_feedback_handlers

SIZE = (320, 192)
LOSS = 0.15


def picture(i: int) -> av.VideoFrame:
    """Moving waves and a little noise: never so simple that a rate cannot be spent."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    waves = 128 + 60 * np.sin((x + 7 * i) / 9) + 40 * np.cos((y - 5 * i) / 7) + rng.normal(0, 6, (SIZE[1], SIZE[0]))
    planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
    planes[: SIZE[1]] = waves.clip(0, 255)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def encode(encoder: H264Encoder, count: int, fps: float, start: int = 0, keyframe_at: int = -1) -> list[av.Packet]:
    packets = []
    for i in range(start, start + count):
        frame = picture(i)
        frame.pts, frame.time_base = round(i * CLOCK_RATE / fps), Fraction(1, CLOCK_RATE)
        packets.append(encoder.encode(frame, keyframe=i == keyframe_at))
        assert packets[-1].pts == frame.pts
    return packets


@pytest.mark.parametrize("fps", [10, 16, 30])
def test_the_encoder_follows_bitrate_changes_without_a_keyframe(fps):
    encoder = H264Encoder(*SIZE, 2_000_000)
    for run, rate in enumerate((1_000_000, 300_000, 1_500_000)):
        encoder.set_rate(rate, fps)
        packets = encode(encoder, 60, fps, start=60 * run)
        spent = sum(packet.size for packet in packets[20:]) * 8 * fps / 40
        assert spent == pytest.approx(rate, rel=0.35)
        assert [packet.is_keyframe for packet in packets] == [run == 0] + [False] * 59


def test_requested_keyframes_can_be_decoded_on_their_own():
    packets = encode(H264Encoder(*SIZE, 2_000_000), 8, 30, keyframe_at=5)
    assert [packet.is_keyframe for packet in packets] == [True] + [False] * 4 + [True] + [False] * 2
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for packet in packets[5:] for frame in decoder.decode(av.Packet(bytes(packet)))]
    assert len(frames) == 3
    difference = frames[0].to_ndarray()[: SIZE[1]].astype(int) - picture(5).to_ndarray()[: SIZE[1]]
    assert np.abs(difference).mean() < 20


def test_the_encoder_never_exceeds_its_maximum_bitrate():
    encoder = H264Encoder(*SIZE, 500_000)
    encoder.set_rate(9_000_000, 30)
    assert encoder.bitrate == 500_000


def test_the_rate_follows_the_browser_s_estimate_within_its_bounds():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    assert control.target == 1_500_000
    for estimate, target in ((3_000_000, 3_000_000), (9_000_000, 6_000_000), (1_000, 250_000)):
        control.on_remb(estimate)
        assert control.target == target


def test_low_random_loss_does_not_lower_the_rate():
    control, rng = RateControl(1_500_000, 250_000, 6_000_000), np.random.default_rng(0)
    control.on_remb(4_000_000)
    for _ in range(200):
        control.on_receiver_report(rng.binomial(100, 0.03) / 100)
    assert control.target == 4_000_000


def test_several_high_loss_reports_lower_the_rate_and_one_does_not():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    control.on_remb(2_000_000)
    control.on_receiver_report(0.2)
    assert control.target == 2_000_000
    for _ in range(6):
        control.on_receiver_report(0.2)
    lowered = control.target
    assert 250_000 <= lowered < 1_500_000
    for _ in range(3):
        control.on_receiver_report(HIGH_LOSS - 0.01)
    assert control.target == lowered  # between calm and bad: hold
    for _ in range(60):
        control.on_receiver_report(0.0)
    assert control.target == 2_000_000  # and back, no further than the estimate


def test_severe_loss_lowers_the_rate_at_once():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    control.on_remb(2_000_000)
    control.on_receiver_report(0.6)
    assert control.target == 800_000


def test_the_rate_never_falls_below_its_minimum():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    for _ in range(50):
        control.on_receiver_report(1.0)
    assert control.target == 250_000


def packet(number: int, timestamp: int, marker: int = 0, data: bytes | None = None) -> RtpPacket:
    made = RtpPacket(sequence_number=number % 65536, timestamp=timestamp, marker=marker)
    made._data = b"%d " % number if data is None else data  # type: ignore[attr-defined]
    return made


def frames_from(buffer: FrameBuffer, *packets: RtpPacket) -> list[bytes]:
    out = []
    for one in packets:
        _, frame = buffer.add(one)
        out += [item.data for item in ([frame] if frame else []) + list(buffer.pop_complete())]
    return out


@pytest.mark.parametrize("first", [10, 65534])
def test_a_frame_is_returned_with_its_last_packet(first):
    buffer = FrameBuffer()
    a, b = packet(first, 0), packet(first + 1, 0, marker=1)
    assert frames_from(buffer, a) == []
    assert frames_from(buffer, b) == [b"%d %d " % (first, first + 1)]
    assert frames_from(buffer, packet(first + 2, 3000, marker=1)) == [b"%d " % (first + 2)]


def test_frames_delayed_by_a_lost_packet_are_all_returned_when_it_arrives():
    buffer = FrameBuffer()
    assert frames_from(buffer, packet(0, 0, 1)) == [b"0 "]
    assert frames_from(buffer, packet(2, 3000, 1), packet(3, 6000, 1), packet(4, 9000, 1)) == []
    assert frames_from(buffer, packet(1, 3000)) == [b"1 2 ", b"3 ", b"4 "]


def test_out_of_order_packets_and_senders_without_markers():
    buffer = FrameBuffer()
    assert frames_from(buffer, packet(0, 0, 1), packet(2, 3000, 1), packet(1, 3000)) == [b"0 ", b"1 2 "]
    assert frames_from(buffer, packet(3, 6000), packet(4, 6000), packet(5, 9000)) == [b"3 4 "]


def test_padding_is_no_frame():
    buffer = FrameBuffer()
    assert frames_from(buffer, packet(0, 0, 1), packet(1, 0, data=b""), packet(2, 3000, 1)) == [b"0 ", b"2 "]


def test_packets_past_the_nack_timeout_are_skipped():
    buffer = FrameBuffer()
    frames_from(buffer, packet(0, 0, 1), packet(2, 3000, 1))
    buffer.skip(following=3)
    assert frames_from(buffer, packet(3, 6000, 1)) == [b"3 "]
    wide = FrameBuffer()
    assert frames_from(wide, packet(0, 0, 1), packet(2, 3000, 1)) == [b"0 "]
    assert wide.add(packet(CAPACITY + 5, 6000, 1))[0]  # a gap wider than the buffer: a keyframe is asked for


@pytest.mark.parametrize("late", [1, 200])
def test_a_packet_that_arrives_after_the_nack_timeout_delays_nothing(late):
    """The picture stood still for up to ten seconds: the buffer waited at the late packet for those after it."""
    buffer = FrameBuffer()
    frames_from(buffer, packet(0, 0, 1), packet(late + 1, 3000, 1))
    buffer.skip(following=late + 2)
    assert frames_from(buffer, packet(1, 3000)) == []
    assert frames_from(buffer, packet(late + 2, 6000, 1)) == [b"%d " % (late + 2)]


def test_missing_packets_are_nacked_until_they_arrive():
    missing = MissingPackets()
    assert not missing.arrived(65534, 0.0)
    assert missing.arrived(2, 0.0)
    assert missing.all == [0, 1, 65535]
    assert missing.due_nacks(NACK_INTERVAL_S) == [0, 1, 65535]
    assert missing.due_nacks(NACK_INTERVAL_S * 1.5) == []
    assert not missing.arrived(65535, 0.1)
    assert not missing.arrived(0, 0.1)
    assert missing.due_nacks(0.2) == [1]
    assert not missing.expire(NACK_TIMEOUT_S)
    assert missing.expire(NACK_TIMEOUT_S + 0.01)
    assert missing.due_nacks(1.0) == []
    assert not missing.expire(9.0)


async def test_aiortc_parts_are_replaced():
    """Fails where another aiortc keeps its parts elsewhere."""
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
        await transceiver.sender._retransmit(5)  # is not kept: what needs it can only begin anew
        assert keyframes == [True, True]
    finally:
        await connection.close()


def test_the_answer_has_the_start_bitrate():
    sdp = "m=video 9 UDP/TLS/RTP/SAVPF 97 99 98\r\na=rtpmap:97 VP8/90000\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97"
    sdp += "\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 packetization-mode=1\r\n"
    wanted = sdp.replace("VP8/90000", "VP8/90000\r\na=fmtp:97 x-google-start-bitrate=1500")
    wanted = wanted.replace("packetization-mode=1", "packetization-mode=1;x-google-start-bitrate=1500")
    assert with_start_bitrate(sdp, 1_500_000) == wanted


def test_a_public_address_replaces_the_host_address():
    sdp = (
        "a=candidate:1 1 udp 2130706431 10.0.0.5 40000 typ host\r\n"
        "a=candidate:2 1 udp 2130706431 fe80::1 40001 typ host\r\n"
        "a=candidate:3 1 udp 1694498815 198.51.100.9 4000 typ srflx raddr 10.0.0.5 rport 40000\r\n"
    )
    assert with_public_address(sdp, "203.0.113.7") == sdp.replace("10.0.0.5 40000 typ", "203.0.113.7 40000 typ")


async def test_media_ports_stay_within_the_range():
    loop = asyncio.new_event_loop()  # of this test's own: the change stays with it
    taken = []

    async def bind() -> int:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        taken.append(transport)
        return int(transport.get_extra_info("sockname")[1])

    async def bind_all() -> None:
        first = free_port()
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


class Waves(VideoStreamTrack):
    """Pictures that differ, 30 a second."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = picture(pts // 3000)
        frame.pts, frame.time_base = pts, time_base
        return frame


async def test_packet_loss_freezes_the_video_only_briefly():
    """Packets are lost, retransmissions too: what is lost twice is asked for again, or given up in time."""
    browser, server = RTCPeerConnection(), RTCPeerConnection()
    arrived: list[float] = []
    repairs: list[LossRepair] = []
    taking: list[asyncio.Task[None]] = []

    async def take(track: MediaStreamTrack) -> None:
        while True:
            await track.recv()
            arrived.append(time.monotonic())

    server.on("track", lambda track: taking.append(asyncio.create_task(take(track))))
    try:
        browser.addTransceiver(Waves(), direction="sendonly")
        await browser.setLocalDescription(await browser.createOffer())
        await server.setRemoteDescription(browser.localDescription)
        await server.setLocalDescription(await server.createAnswer())
        repairs.append(LossRepair(server.getReceivers()[0]))
        transport, rng = browser.getSenders()[0].transport, np.random.default_rng(0)
        send = transport._send_rtp

        lost = []

        async def lose_some(data: bytes) -> None:
            if is_rtcp(data) or rng.random() > LOSS:
                await send(data)
            else:
                lost.append(data)

        transport._send_rtp = lose_some
        await browser.setRemoteDescription(server.localDescription)
        async with asyncio.timeout(20):
            while len(arrived) < 150:
                await asyncio.sleep(0.05)
    finally:
        for task in taking:
            task.cancel()
        for repair in repairs:
            repair.stop()
        await asyncio.gather(browser.close(), server.close())
    gaps = np.diff(arrived)
    assert len(lost) > 20
    assert repairs[0].asked > 0
    assert gaps[10:].max() < 3 * NACK_TIMEOUT_S
    assert arrived[-1] - arrived[0] < 3 * 150 / 30


def test_a_missing_private_attribute_is_named():
    with pytest.raises(RuntimeError, match="aiortc's object has no _handle_rtcp_packet any more"):
        attach_feedback_handlers(object(), print, print, print, print)
