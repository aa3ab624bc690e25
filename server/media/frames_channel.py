"""The data channel "frames": names the source frame of every edited frame, so that a page can show both together."""

import json

from aiortc import RTCDataChannel

from server.media.capture_times import CaptureTimes
from server.media.rtp_origin import RtpOrigin

MAX_UNSENT_BYTES = 4096  # in the data channel's buffer; beyond it names are dropped


class FramesChannel:
    """Sends `{"rtp": ..., "captured_ms": ...}` just before each edited frame.

    `rtp` is its RTP timestamp, `captured_ms` the Unix time at which the source captured the frame that it shows.
    """

    def __init__(self, channel: RTCDataChannel, capture_times: CaptureTimes, origin: RtpOrigin) -> None:
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
