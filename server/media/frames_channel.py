"""The data channel "frames": names the source frame of every edited frame, so that a page can show both together."""

import json

from aiortc import RTCDataChannel, RTCRtpSender

from server.media.aiortc_patches import private_attr
from server.media.capture_times import CaptureTimes

MAX_UNSENT_BYTES = 4096  # in the data channel's buffer; beyond it names are dropped


class FramesChannel:
    """Sends `{"rtp": ..., "captured_ms": ...}` just before each edited frame.

    `rtp` is its RTP timestamp, `captured_ms` the Unix time at which the source captured the frame that it shows.
    """

    def __init__(self, channel: RTCDataChannel, capture_times: CaptureTimes, origin: "RtpOrigin") -> None:
        self._channel, self._capture_times, self._origin = channel, capture_times, origin
        capture_times.on_sent = self._send
        channel.on("close", self._stop)

    def _send(self, pts: int, captured_s: float) -> None:
        channel, origin = self._channel, self._origin.value
        if channel.readyState == "open" and origin is not None and channel.bufferedAmount < MAX_UNSENT_BYTES:
            name = {"rtp": (pts + origin) & 0xFFFFFFFF, "captured_ms": round(captured_s * 1000, 1)}
            channel.send(json.dumps(name))

    def _stop(self) -> None:
        if self._capture_times.on_sent == self._send:  # no later channel has replaced this one
            self._capture_times.on_sent = None


class RtpOrigin:
    """The random offset of a sender's RTP timestamps (RFC 3550, section 5.1), which aiortc does not expose."""

    def __init__(self, sender: RTCRtpSender) -> None:
        self.value: int | None = None  # until the second frame
        read_next = private_attr(sender, "_next_encoded_frame")
        private_attr(sender, "_RTCRtpSender__rtp_timestamp")  # fails at the start, not at the second frame
        self._pts: int | None = None  # of the frame read last, which is sent before the next is read

        async def next_encoded_frame(codec: object) -> object:
            if self.value is None and self._pts is not None:
                self.value = (private_attr(sender, "_RTCRtpSender__rtp_timestamp") - self._pts) & 0xFFFFFFFF
            encoded = await read_next(codec)
            self._pts = None if encoded is None else encoded.timestamp
            return encoded

        sender._next_encoded_frame = next_encoded_frame  # type: ignore[method-assign, assignment]
