"""The data channel "control": changes of live parameters, in the same format as over REST."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiortc import RTCDataChannel

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import ParameterError
from server.errors import ServerError
from server.media.json_messages import read_json
from server.supervisor import Supervisor

MAX_OPEN_REQUESTS = 60  # requests waiting for the model: one second of dragging a slider; more are rejected
MAX_REQUEST_CHARACTERS = 20_000  # of a request
MAX_UNSENT_BYTES = 262_144  # in the data channel's buffer; requests are ignored while there is more

Change = Callable[[Mapping[str, object]], Awaitable[Acknowledgement]]


class ControlChannel:
    """`{"request": ID, "changes": {...}}` -> `{"request": ID, ...}` with the fields of `Acknowledgement`.

    A rejection is `{"request": ID, "error": {"message": ...}}`; of a parameter also path, value and allowed.
    """

    def __init__(self, channel: RTCDataChannel, change: Change) -> None:
        self.channel, self.change = channel, change
        self._requests = Supervisor(lambda reason: self._send_error(None, reason))
        channel.on("message", self.handle_message)

    def handle_message(self, message: str | bytes) -> None:
        if self.channel.bufferedAmount > MAX_UNSENT_BYTES:  # the client sends requests without reading replies
            return
        request = read_json(message) if len(message) <= MAX_REQUEST_CHARACTERS else None
        if not isinstance(request, dict) or not isinstance(request.get("changes"), dict):
            self._send_error(
                None, f'not {{"request": ID, "changes": {{...}}}} within {MAX_REQUEST_CHARACTERS} characters'
            )
        elif len(self._requests) >= MAX_OPEN_REQUESTS:
            self._send_error(request.get("request"), f"{MAX_OPEN_REQUESTS} requests are open already")
        else:
            self._requests.start(self._apply(request.get("request"), request["changes"]), "answer a change")

    async def _apply(self, request: object, changes: Mapping[str, object]) -> None:
        try:
            self._send({"request": request, **msgspec.to_builtins(await self.change(changes))})
        except ParameterError as error:
            self._send_error(request, str(error), path=error.path, value=repr(error.value), allowed=error.allowed)
        except ServerError as error:
            self._send_error(request, str(error))

    def _send_error(self, request: object, message: str, **more: str) -> None:
        self._send({"request": request, "error": {"message": message, **more}})

    def _send(self, reply: dict[str, Any]) -> None:
        if self.channel.readyState == "open":
            self.channel.send(json.dumps(reply))
