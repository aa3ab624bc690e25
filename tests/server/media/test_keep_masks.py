"""Keep masks from the model to the page's data channel: asked for only when wanted, bounded, the newest wins."""

import asyncio
import struct
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest

from lipar_video.overlay import COMPUTED, REUSED, TINT
from server.media.keep_masks import RECENT, KeepMasks, MaskedFrame
from server.media.keep_masks_channel import MAX_UNSENT_BYTES, KeepMasksChannel
from server.media.overlay_picture import overlay_png
from server.wire import FrameMask

ROWS, COLS = 3, 5
ORIGIN = 0xFFFFFFFE
GREY = np.full((ROWS * 24, COLS * 16), 128, np.uint8)


class Channel:
    """An open data channel whose buffer is never sent."""

    readyState = "open"  # noqa: N815 - aiortc's names
    bufferedAmount = bufferedAmountLowThreshold = 0  # noqa: N815

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.listeners = {}

    def on(self, event, listener) -> None:
        self.listeners[event] = listener

    def send(self, message: bytes) -> None:
        self.sent.append(message)
        self.bufferedAmount += len(message)


class Origin:
    value: int | None = ORIGIN


@pytest.fixture
def masks():
    masks = KeepMasks(ROWS, COLS)
    masks.changes = []
    masks.on_wanted = masks.changes.append
    return masks


def queue(masks: KeepMasks, *stamps: float) -> None:
    masks.add([FrameMask(pts=stamp, bits=bits(stamp)) for stamp in stamps], dict.fromkeys(stamps, GREY))


def bits(stamp: float) -> bytes:
    return int(stamp).to_bytes(4, "big")[2:]


def test_a_mask_is_sent_with_its_frame_and_those_of_dropped_frames_are_discarded(masks):
    sent = []
    masks.subscribe(lambda *mask: sent.append(mask))
    queue(masks, 1.0, 2.0, 3.0, 4.0)
    masks.sent(1.0, 90)
    masks.sent(3.0, 270)  # the frame at 2.0 was dropped
    masks.sent(3.5, 300)  # a frame without a mask
    masks.sent(4.0, 360)
    assert sent == [(90, bits(1.0)), (270, bits(3.0)), (360, bits(4.0))]
    queue(masks, *range(5, 5 + 2 * RECENT))
    assert len(masks._queued) == RECENT


def test_the_mask_of_a_frame_that_was_not_returned_is_ignored(masks):
    sent = []
    masks.subscribe(lambda *mask: sent.append(mask))
    masks.add([FrameMask(pts=1.0, bits=bits(1.0))], {})
    masks.sent(1.0, 90)
    assert sent == []


async def test_masks_are_wanted_only_while_someone_uses_them(masks):
    first, second = Channel(), Channel()
    channels = [KeepMasksChannel(channel, masks, Origin()) for channel in (first, second)]
    request = asyncio.create_task(masks.next_frame(5))
    await asyncio.sleep(0)
    first.listeners["close"]()
    first.listeners["close"]()
    channels[1].stop()
    assert masks.changes == [True]
    queue(masks, 1.0, 2.0)
    assert await request == MaskedFrame(GREY, bits(2.0))
    assert masks.changes == [True, False]
    assert not masks._queued
    with pytest.raises(TimeoutError):
        await masks.next_frame(0.01)
    assert masks.changes == [True, False, True, False]


def test_a_message_has_rtp_timestamp_size_and_bits(masks):
    channel = Channel()
    KeepMasksChannel(channel, masks, Origin())
    keep = np.zeros((ROWS, COLS), bool)
    keep[0, 0] = keep[1, 4] = True
    masks.add([FrameMask(pts=1.0, bits=np.packbits(keep).tobytes())], {1.0: GREY})
    masks.sent(1.0, 5)
    assert channel.sent == [struct.pack(">IHH", 3, ROWS, COLS) + bytes([0b10000000, 0b01000000])]


def test_the_buffer_is_bounded_and_the_newest_mask_waits(masks):
    channel = Channel()
    KeepMasksChannel(channel, masks, Origin())
    for stamp in range(1000):
        queue(masks, float(stamp))
        masks.sent(float(stamp), stamp)
    size = len(channel.sent[0])
    assert MAX_UNSENT_BYTES < channel.bufferedAmount <= MAX_UNSENT_BYTES + size
    stopped_at = len(channel.sent)
    channel.bufferedAmount = channel.bufferedAmountLowThreshold
    channel.listeners["bufferedamountlow"]()
    assert len(channel.sent) == stopped_at + 1
    assert channel.sent[-1][:4] == struct.pack(">I", (999 + ORIGIN) & 0xFFFFFFFF)


@pytest.mark.parametrize("state", ["connecting", "closing", "closed"])
def test_nothing_is_sent_before_the_channel_is_open_or_after_its_end(masks, state):
    channel = Channel()
    KeepMasksChannel(channel, masks, Origin())
    channel.readyState = state
    queue(masks, 1.0)
    masks.sent(1.0, 90)
    assert channel.sent == []


def test_the_overlay_is_orange_where_computed_and_blue_where_reused():
    keep = np.zeros((ROWS, COLS), bool)
    keep[2, 1] = True
    png = overlay_png(MaskedFrame(GREY, np.packbits(keep).tobytes()), ROWS, COLS)
    with av.open(BytesIO(png), format="png_pipe") as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert picture.shape == (ROWS * 16, COLS * 16, 3)
    grey = round(Fraction(128 - 16, 219) * 255)
    for (row, col), colour in (((2, 1), COMPUTED), ((0, 0), REUSED), ((2, 0), REUSED), ((2, 2), REUSED)):
        cell = picture[row * 16 : row * 16 + 16, col * 16 : col * 16 + 16]
        assert np.abs(cell - (grey * (1 - TINT) + np.array(colour) * TINT)).max() <= 2
