"""The data channel "keep-masks": the keep mask of every edited frame, for a page that draws it over the picture."""

import struct

from aiortc import RTCDataChannel

from server.media.keep_masks import KeepMasks
from server.media.rtp_origin import RtpOrigin

MAX_UNSENT_BYTES = 2048  # in the data channel's buffer; beyond it only the newest mask waits
HEADER = struct.Struct(">IHH")  # RTP timestamp, rows, columns: big-endian


class KeepMasksChannel:
    """Sends `HEADER` and the mask's bits just before each edited frame, from the opening of the channel to its end.

    The bits are those of `FrameMask`. The newest mask wins: one that waits for room in the buffer is replaced.
    """

    def __init__(self, channel: RTCDataChannel, masks: KeepMasks, origin: RtpOrigin) -> None:
        self._channel, self._masks, self._origin = channel, masks, origin
        self._waiting: bytes | None = None
        channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES
        channel.on("bufferedamountlow", self._flush)
        channel.on("close", self.stop)
        masks.subscribe(self._send)

    def stop(self) -> None:
        """Idempotent."""
        self._masks.unsubscribe(self._send)

    def _send(self, pts: int, bits: bytes) -> None:
        if self._origin.value is not None:
            rtp = (pts + self._origin.value) & 0xFFFFFFFF
            self._waiting = HEADER.pack(rtp, self._masks.rows, self._masks.cols) + bits
            self._flush()

    def _flush(self) -> None:
        channel, message = self._channel, self._waiting
        if message is not None and channel.readyState == "open" and channel.bufferedAmount <= MAX_UNSENT_BYTES:
            self._waiting = None
            channel.send(message)
