"""The data channel "control": live parameters over the connection itself, with the same words as REST."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiortc import RTCDataChannel

from lipar_core.errors import ParameterError
from server.errors import ServerError
from server.media.json_messages import read_json
from server.supervisor import Supervisor

MOST_OPEN = 60  # requests that wait for the model: a second of a slider that is dragged; more are refused
MOST_CHARACTERS = 20_000  # of a request
MOST_UNSENT = 262_144  # bytes of answers that nobody takes; then nothing more is heard

Change = Callable[[Mapping[str, object]], Awaitable[dict[str, Any]]]


class ControlChannel:
    """`{"request": ID, "changes": {...}}` -> `{"request": ID, "block": N, "parameters": {...}, "pending": false}`.

    A refusal is `{"request": ID, "error": {"message": ...}}`, with path, value and allowed values of a bad parameter.
    """

    def __init__(self, channel: RTCDataChannel, change: Change) -> None:
        self.channel, self.change = channel, change
        self._requests = Supervisor(lambda reason: self._refuse(None, reason))
        channel.on("message", self.hear)

    def hear(self, message: str | bytes) -> None:
        if self.channel.bufferedAmount > MOST_UNSENT:  # whoever asks without taking the answers
            return
        request = read_json(message) if len(message) <= MOST_CHARACTERS else None
        if not isinstance(request, dict) or not isinstance(request.get("changes"), dict):
            self._refuse(None, f'not {{"request": ID, "changes": {{...}}}} within {MOST_CHARACTERS} characters')
        elif len(self._requests) >= MOST_OPEN:
            self._refuse(request.get("request"), f"{MOST_OPEN} requests are open already")
        else:
            self._requests.start(self._answer(request.get("request"), request["changes"]), "answer a change")

    async def _answer(self, request: object, changes: Mapping[str, object]) -> None:
        try:
            self._say({"request": request, **await self.change(changes)})
        except ParameterError as error:
            self._refuse(request, str(error), path=error.path, value=repr(error.value), allowed=error.allowed)
        except ServerError as error:
            self._refuse(request, str(error))

    def _refuse(self, request: object, message: str, **more: str) -> None:
        self._say({"request": request, "error": {"message": message, **more}})

    def _say(self, reply: dict[str, Any]) -> None:
        if self.channel.readyState == "open":
            self.channel.send(json.dumps(reply))
