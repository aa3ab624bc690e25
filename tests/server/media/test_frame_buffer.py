"""Assembly of frames from packets, and NACKs of missing packets."""

import pytest
from aiortc.rtp import RtpPacket

from server.media.frame_buffer import CAPACITY, NACK_INTERVAL_S, NACK_TIMEOUT_S, FrameBuffer, MissingPackets


def packet(number: int, timestamp: int, marker: int = 0, data: bytes | None = None) -> RtpPacket:
    rtp_packet = RtpPacket(sequence_number=number % 65536, timestamp=timestamp, marker=marker)
    rtp_packet._data = b"%d " % number if data is None else data  # type: ignore[attr-defined]
    return rtp_packet


def frames_from(buffer: FrameBuffer, *packets: RtpPacket) -> list[bytes]:
    out = []
    for rtp_packet in packets:
        _, frame = buffer.add(rtp_packet)
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
    assert wide.add(packet(CAPACITY + 5, 6000, 1))[0]  # a gap larger than the buffer: a keyframe is requested


@pytest.mark.parametrize("late", [1, 200])
def test_a_packet_that_arrives_after_the_nack_timeout_delays_nothing(late):
    """Regression: the video froze for up to ten seconds while the buffer waited behind the late packet."""
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
