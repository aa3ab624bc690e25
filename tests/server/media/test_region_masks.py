"""Masks of the region from a data channel: which frame they belong to, and what is wrong with a bad one."""

import json
import math
import struct

import pytest

from server.media.capture_times import MAX_DISTANCE_S, NTP_EPOCH_S, CaptureTimes
from server.media.region_masks import HEADER, MAX_CELLS, GreyMask, RegionMaskReceiver
from server.media.region_masks_channel import MAX_UNSENT_BYTES, RegionMasksChannel
from tests.server.media.test_keep_masks import Channel

CAPTURED_S = 1_795_737_329.0


@pytest.fixture
def received():
    return []


@pytest.fixture
def channel(received):
    times = CaptureTimes()
    times.received(100.0, CAPTURED_S + NTP_EPOCH_S)
    times.received(100.5, CAPTURED_S + 0.4 + NTP_EPOCH_S)
    masks = RegionMaskReceiver(times)
    masks.on_mask = lambda stamp, mask: received.append((round(stamp, 3), mask))
    channel = Channel()
    RegionMasksChannel(channel, masks)
    return channel


def message(after_s: float, rows: int = 1, cols: int = 2, levels: bytes = b"\x00\xff") -> bytes:
    return HEADER.pack((CAPTURED_S + after_s) * 1000, rows, cols) + levels


def test_a_mask_gets_the_time_of_its_frame_also_before_the_frame_arrives(channel, received):
    for after_s in (0.0, 0.1, 0.4, 0.6, -0.5):
        channel.listeners["message"](message(after_s))
    assert received == [(stamp, GreyMask(2, 1, b"\x00\xff")) for stamp in (100.0, 100.1, 100.5, 100.7, 99.5)]
    assert channel.sent == []
    assert HEADER.size == struct.calcsize(">dHH") == 12


@pytest.mark.parametrize(
    ("bad", "path", "value"),
    [
        ("text", "message", "'text'"),
        (b"", "length", "0"),
        (message(0.0, cols=3), "length", "14"),
        (message(0.0, rows=0), "rows, columns", "[0, 2]"),
        (message(0.0, 1, MAX_CELLS + 1, bytes(MAX_CELLS + 1)), "rows, columns", f"[1, {MAX_CELLS + 1}]"),
        (message(1.0 + MAX_DISTANCE_S), "captured_ms", "1795737332000.0"),
        (HEADER.pack(math.nan, 1, 1) + b"\xff", "captured_ms", "nan"),
    ],
)
def test_a_bad_mask_is_answered_with_field_value_and_what_is_allowed(channel, received, bad, path, value):
    channel.listeners["message"](bad)
    (reply,) = map(json.loads, channel.sent)
    assert reply["error"]["path"] == path
    assert reply["error"]["value"] == value
    assert reply["error"]["allowed"].startswith("must be")
    assert received == []


def test_errors_do_not_pile_up(channel):
    for _ in range(1000):
        channel.listeners["message"](b"")
    assert channel.bufferedAmount < MAX_UNSENT_BYTES + 300
