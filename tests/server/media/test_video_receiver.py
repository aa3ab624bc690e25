"""Diagnosis of missing video, by what was received."""

from collections.abc import Callable

import pytest
from aiortc import RTCPeerConnection

from server.media.video_offer import read_video_offer
from server.media.video_receiver import NO_VIDEO_S, VideoReceiver
from tests.server.media.test_video_offer import offer


def undecodable(receiver: VideoReceiver) -> None:
    receiver.repair.packets += 4
    receiver.decoder.undecodable, receiver.decoder.error = receiver.decoder.undecodable + 2, "H264: Invalid data"


def broken(receiver: VideoReceiver) -> None:
    receiver.repair.packets += 4


def another_stream(receiver: VideoReceiver) -> None:
    receiver.repair.selector.ignored += 4


def unexpected(receiver: VideoReceiver) -> None:
    receiver.unexpected.packets += 4
    receiver.unexpected.payload_types[120] = None


CAUSES: list[tuple[Callable[[VideoReceiver], None], str]] = [
    (undecodable, "2 received frames cannot be decoded (H264: Invalid data)"),
    (broken, "no complete frame, or no keyframe"),
    (another_stream, "not in the stream that the offer signals"),
    (unexpected, "was not negotiated (RTP payload type 120)"),
    (lambda _: None, "the sender sends none"),
]


@pytest.mark.parametrize(("cause", "reason"), CAUSES)
async def test_the_reason_reflects_what_was_received_since_the_last_frame(cause, reason):
    pc = RTCPeerConnection()
    read = read_video_offer(offer({96: ("H264", "packetization-mode=1")}), sends=False)
    transceiver = pc.addTransceiver("video", "recvonly")
    receiver = VideoReceiver(transceiver.receiver, read, lambda *_: None, lambda _: None)
    for earlier, _ in CAUSES:  # before a frame was decoded: must have no effect
        earlier(receiver)
    assert receiver.problem(100.0) is None
    receiver.decoder.decoded += 1
    assert receiver.problem(200.0) is None
    cause(receiver)
    assert receiver.problem(200.0 + NO_VIDEO_S - 0.1) is None
    problem = receiver.problem(200.0 + NO_VIDEO_S)
    assert problem is not None
    assert reason in problem
    receiver.decoder.decoded += 1
    assert receiver.problem(210.0) is None
    receiver.stop()
    await pc.close()
