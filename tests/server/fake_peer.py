"""A connection that connects to nothing, and a model process that only remembers what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from server import wire
from server.errors import NoCodec, SessionNotFound

GOOD = "v=0 good"
BAD = "v=0 no codec"


class FakePeer:
    """Answers when it is let; keeps whether it is open."""

    all: ClassVar[list[FakePeer]] = []
    delay_turns = 0  # of the event loop, until an offer is answered

    def __init__(self, settings, on_gone: Callable[[str], None], **_: object) -> None:
        self.on_gone, self.open, self.answered = on_gone, True, False
        self.id, self.etag = f"peer{len(FakePeer.all)}", '"e"'
        self.heard, self.started, self.playout_s = float("inf"), True, None
        self.sent: list[dict[str, object]] = []
        FakePeer.all.append(self)

    async def answer(self, sdp: str) -> str:
        for _ in range(FakePeer.delay_turns):
            await asyncio.sleep(0)
        if sdp == BAD:
            raise NoCodec("nothing in common")
        if not self.open:
            raise SessionNotFound("the connection was ended while it was set up")
        self.answered = True
        return "answer"

    async def close(self) -> None:
        self.open = False
        await asyncio.sleep(0)

    def say(self, telemetry: dict[str, object]) -> None:
        self.sent.append(telemetry)

    def problem(self, now: float) -> None:
        return None

    async def round_trip_s(self) -> None:
        return None


class FakeLink:
    """Stands in for `ModelLink`; acknowledges every change."""

    state, reason, congested = "ready", "", False

    def __init__(self, settings, entry, on_message: Callable[[wire.Up], None], *_: object) -> None:
        self.sent: list[wire.Down] = []
        self.on_message = on_message

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    def fail(self, reason: str) -> None:
        raise AssertionError(reason)

    def send(self, message: wire.Down) -> bool:
        if self.state == "ready":
            self.sent.append(message)
            if isinstance(message, wire.Open):
                asyncio.get_running_loop().call_soon(self.on_message, wire.Opened(session=message.session))
            if isinstance(message, wire.Change):
                about = {"session": message.session, "request": message.request, "block": 1, "pending": False}
                changed = wire.Changed(parameters=message.changes, **about)
                asyncio.get_running_loop().call_soon(self.on_message, changed)
        return self.state == "ready"

    def opened(self) -> set[str]:
        """Keys of the sessions that a model process would have now."""
        keys: set[str] = set()
        for message in self.sent:
            if isinstance(message, wire.Open):
                keys.add(message.session)
            elif isinstance(message, wire.Close):
                keys.discard(message.session)
        return keys
