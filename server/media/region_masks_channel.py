"""The data channel "region-masks": masks of the region from the page, one for each frame of its source."""

import json

from aiortc import RTCDataChannel

from lipar_core.errors import ParameterError
from server.media.region_masks import RegionMaskReceiver

MAX_UNSENT_BYTES = 2048  # in the data channel's buffer; beyond it no error is sent


class RegionMasksChannel:
    """Passes masks on; a message that cannot be read is answered by `{"error": {...}}`."""

    def __init__(self, channel: RTCDataChannel, masks: RegionMaskReceiver) -> None:
        self._channel, self._masks = channel, masks
        channel.on("message", self._receive)

    def _receive(self, message: str | bytes) -> None:
        try:
            if isinstance(message, str):
                raise ParameterError("message", message[:40], "must be binary")
            self._masks.receive(message)
        except ParameterError as error:
            self._send_error(error)

    def _send_error(self, error: ParameterError) -> None:
        if self._channel.readyState == "open" and self._channel.bufferedAmount <= MAX_UNSENT_BYTES:
            body = {"message": str(error), "path": error.path, "value": repr(error.value), "allowed": error.allowed}
            self._channel.send(json.dumps({"error": body}))
