"""A session as the model process knows it."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping

from lipar_core.parameters import Parameters, to_dict
from server import wire
from server.control.live_parameters import CONGESTED, Changes
from server.errors import Unavailable
from server.media.frame_pipeline import FramePipeline
from server.workers.worker import ModelLink

OPENING_S = 3.0  # whoever begins a session is not kept waiting for longer; its state says what becomes of it

_openings = itertools.count(1)


class ModelSession:
    """Opens the session in whichever model process runs, and takes what that says of it."""

    def __init__(
        self,
        session: str,
        link: ModelLink,
        frames: FramePipeline,
        parameters: Parameters,
        on_failed: Callable[[str], None],
    ) -> None:
        self.session, self.link, self.frames, self.on_failed = session, link, frames, on_failed
        self.key = ""  # its name there: another for every opening, so that late messages reach nobody
        self.changes = Changes(parameters, self._send_change)
        self.last_block: wire.BlockDone | None = None
        self.prompt_tokens: dict[str, int] | None = None  # how much of the prompt that holds is read
        self._open_ended = asyncio.Event()  # `open` has come to something

    @property
    def begun(self) -> bool:
        """Whether it has been opened once, in this process or one before."""
        return self.key != ""

    def open(self) -> None:
        """In a process that does not know it."""
        self.key = f"{self.session}.{next(_openings)}"
        self.prompt_tokens = None
        self._open_ended.clear()
        self.frames.reset_rings()
        names = {"incoming": self.frames.incoming.name, "outgoing": self.frames.outgoing.name}
        opened = wire.Open(session=self.key, parameters=to_dict(self.changes.parameters), **names)
        self.changes.opened = self.link.send(opened)

    async def opened(self) -> None:
        """Wait until the process has opened or refused it, or is gone; not longer than `OPENING_S`."""
        if self.changes.opened:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._open_ended.wait(), OPENING_S)

    @property
    def waits_for(self) -> str | None:
        """What the process does before the first picture; None where nothing is known to hold it up."""
        if self.changes.opened and self.prompt_tokens is None:
            return "the prompt is being encoded" if self._open_ended.is_set() else "the model is opening the session"
        return None

    def check(self, changes: Mapping[str, object]) -> None:
        """Raise what `changes.request` would, or `Unavailable` while there is no model; without any effect."""
        self.changes.check(changes)
        if self.link.state != "ready":
            raise Unavailable(f"{self.link.reason}; nothing was changed")
        if self.link.congested:
            raise Unavailable(CONGESTED)

    def handle(self, message: wire.Up, sessions: int) -> None:
        """A message about this session; `sessions` take turns."""
        match message:
            case wire.FramesTaken():
                self.frames.release_input(message.total)
            case wire.FramesPut():
                self.frames.outgoing.note_written(message.total)
            case wire.BlockDone():
                if message.stage_ms:  # else it is paused, and the last frame is only repeated
                    self.last_block = message
                self.frames.block_done(message.busy_ms if message.stage_ms else None, message.dropped, sessions)
            case wire.Opened():
                self._open_ended.set()
            case wire.Changed():
                self.changes.acknowledged(message)
            case wire.PromptTokens():
                self.prompt_tokens = {"used": message.used, "given": message.given}
            case wire.Refused():
                self.changes.refused(message)
            case wire.SessionFailed():
                self.on_failed(message.reason)

    def lost(self, reason: str) -> None:
        """The process is gone, or the session in it: nothing that was asked for is applied."""
        self._open_ended.set()
        self.changes.refuse_all(reason)

    def close(self) -> None:
        self.link.send(wire.Close(session=self.key))
        self.lost("the session has ended")

    def _send_change(self, request: int, changes: dict[str, object]) -> bool:
        return self.link.send(wire.Change(session=self.key, request=request, changes=changes))
