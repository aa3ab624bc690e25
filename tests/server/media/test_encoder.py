"""The H.264 encoder: bitrate, keyframes, maximum."""

from fractions import Fraction

import av
import numpy as np
import pytest

from server.media.h264 import CLOCK_RATE, H264Encoder
from tests.server.media.waves import SIZE, picture


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
