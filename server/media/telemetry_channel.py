"""The data channel "telemetry": status to the page, keepalives from it."""

import json
from collections.abc import Callable

from aiortc import RTCDataChannel

from server.media.json_messages import read_json

MAX_UNSENT_BYTES = 65_536  # in the data channel's buffer; beyond it telemetry is dropped
MAX_PLAYOUT_MS = 60_000  # larger values from a page are invalid


class TelemetryChannel:
    """Sends telemetry once the page has opened the channel, and receives its pings."""

    def __init__(self, on_ping: Callable[[], None]) -> None:
        """`on_ping` is called for every message: a keepalive, also while the page's camera sends nothing."""
        self.on_ping = on_ping
        self.playout_s: float | None = None  # delay of the page's jitter buffer and decoder, as reported by the page
        self._channel: RTCDataChannel | None = None

    def attach(self, channel: RTCDataChannel) -> None:
        """Use the channel that the page has opened."""
        self._channel = channel
        channel.on("message", self._handle_ping)

    def send(self, telemetry: dict[str, object]) -> None:
        """Send as JSON if the channel is open and its buffer is not full."""
        channel = self._channel
        if channel is not None and channel.readyState == "open" and channel.bufferedAmount < MAX_UNSENT_BYTES:
            channel.send(json.dumps(telemetry))

    def _handle_ping(self, message: str | bytes) -> None:
        self.on_ping()
        ping = read_json(message)
        playout_ms = ping.get("playout_ms") if isinstance(ping, dict) else None
        if isinstance(playout_ms, (int, float)):
            self.playout_s = playout_ms / 1000 if 0 <= playout_ms <= MAX_PLAYOUT_MS else None
