"""One live stream in the web process."""

import asyncio
import itertools
import logging
import secrets
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aiortc import RTCDataChannel

from lipar_core.config import Preset
from lipar_core.errors import ParameterError
from lipar_core.parameters import Parameters, merge, to_dict
from server import wire
from server.control_channel import ControlChannel
from server.errors import NoCapacity, NothingLive, Unavailable
from server.media.offer import check_offer
from server.media.path import FramePath
from server.media.peer import Peer
from server.model_link import ModelLink
from server.settings import Settings

log = logging.getLogger(__name__)

State = Literal["connecting", "live", "paused", "parked", "model_restarting", "failed"]
Kind = Literal["edit", "publish"]  # its peer takes the edited video too, or only sends
MOST_LEFT = 100
ACK_S = 30.0  # a change is answered between two blocks; a new prompt may take a slow text encoder

CONGESTED = "the model has much to answer already; try again later"


@dataclass(frozen=True, slots=True)
class Ack:
    """A change as the model process took it."""

    block: int
    parameters: dict[str, object]
    pending: bool


class SessionHandle:
    """One stream: the peer that it comes from, those who watch, its rings, its parameters and what it measures."""

    def __init__(
        self,
        settings: Settings,
        preset: Preset,
        link: ModelLink,
        parameters: Parameters,
        kind: Kind = "edit",
        name: str | None = None,
    ) -> None:
        """`name`: the id; drawn where there is none."""
        self.id, self.kind = name or secrets.token_urlsafe(12), kind
        self.token, self.view_token = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self.began = time.monotonic()
        self.parked_at: float | None = None  # when its browser went; it may come back
        self.no_picture: str | None = None  # why none comes in
        self.settings, self.link, self.parameters = settings, link, parameters
        stream = preset.stream
        self.frames = FramePath(
            stream.width, stream.height, stream.frames_per_block, self._frames_put, self._frames_taken
        )
        self.failure: str | None = None
        self.last_block: wire.BlockDone | None = None
        self._requests = itertools.count()
        self._waiting: dict[int, asyncio.Future[Ack]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.peer: Peer | None = None
        self.viewers: dict[str, Peer] = {}
        self.left: deque[str] = deque(maxlen=MOST_LEFT)  # viewers who closed their connection and may still say so

    @property
    def state(self) -> State:
        if self.failure is not None:
            return "failed"
        if self.parked_at is not None:
            return "parked"
        if self.link.state != "ready":
            return "model_restarting"
        if self.parameters.paused:
            return "paused"
        return "live" if self.frames.flows else "connecting"

    @property
    def reason(self) -> str | None:
        return self.failure or (self.link.reason if self.state == "model_restarting" else self.no_picture)

    async def connect(self, sdp: str) -> str:
        """Take the offer of whoever sends the video, in place of a connection that there may be; returns the answer."""
        check_offer(sdp, sends=True, takes=self.kind == "edit")  # a bad one costs no connection that there is
        await self.disconnect()
        self.frames.begin_anew()
        track = self.frames.broadcast.join(leads=True) if self.kind == "edit" else None
        peer = Peer(
            self.settings,
            lambda why: self._lost(peer, why),
            track=track,
            on_frame=self.frames.take_frame,
            on_control=self._control,
        )
        self.peer, self.parked_at, self.no_picture = peer, None, None
        try:
            return await peer.answer(sdp)
        except BaseException:
            if self.peer is peer:  # else another has taken its place already
                await self.park()
            raise

    async def watch(self, sdp: str) -> tuple[Peer, str]:
        """A viewer's offer: the peer and the answer.

        Raises `NothingLive`, `NoCapacity`, or what `check_offer` and `Peer.answer` do.
        """
        if not self.frames.flows or self.parked_at is not None:
            raise NothingLive("nothing is live in this session yet")
        if len(self.viewers) >= self.settings.max_viewers:
            raise NoCapacity(f"all {self.settings.max_viewers} places to watch are taken")
        check_offer(sdp, sends=False, takes=True)
        track = self.frames.broadcast.join(leads=False)
        viewer = Peer(self.settings, lambda why: self._left(viewer, why), track=track)
        self.viewers[viewer.id] = viewer
        try:
            return viewer, await viewer.answer(sdp)
        except BaseException:
            await self.unwatch(viewer.id)
            raise

    async def unwatch(self, viewer: str) -> None:
        """A viewer goes; one that has gone already is no error."""
        if peer := self.viewers.pop(viewer, None):
            await peer.close()

    async def disconnect(self) -> None:
        """Free the connection and keep everything else."""
        peer, self.peer = self.peer, None
        if peer is not None:
            await peer.close()

    async def park(self) -> None:
        """Its browser is gone: free the connection, wait for it to come back."""
        self.parked_at = time.monotonic()
        await self.disconnect()

    async def look_after(self, now: float) -> None:
        """Once a second: telemetry to the page, times of the way, who has fallen silent, what has broken."""
        if self.failure is None and (fault := self.frames.broadcast.fault) is not None:
            self.fail(f"a fault in the server: {fault!r}")
        if (peer := self.peer) is not None:
            self.frames.ingest.fill(now)
            self._note_problem(peer.problem(now))
            self.tell()
            limit = self.settings.silence_timeout_s if peer.started else self.settings.setup_timeout_s
            if now - peer.heard > limit:
                self._lost(peer, self.no_picture or f"nothing from the browser for {limit:g} s")
            self.frames.note_way(await peer.round_trip_s(), peer.playout_s)
        for viewer in list(self.viewers.values()):
            limit = self.settings.viewer_timeout_s if viewer.started else self.settings.setup_timeout_s
            if self.frames.flows and self.parked_at is None and now - viewer.heard > limit:
                self._left(viewer, f"no report for {limit:g} s")

    def tell(self) -> None:
        """Send the page the session's state."""
        if self.peer is not None:
            self.peer.say(self.status())

    def open(self) -> None:
        """Make the session known to the model process: when it begins, and whenever that process is new."""
        names = {"incoming": self.frames.incoming.name, "outgoing": self.frames.outgoing.name}
        self.link.send(wire.Open(session=self.id, parameters=to_dict(self.parameters), **names))

    def hear(self, message: wire.Up, sessions: int) -> None:
        """The model process says something about this session."""
        match message:
            case wire.FramesTaken():
                self.frames.frames_taken(message.total)
            case wire.FramesPut():
                self.frames.outgoing.note_written(message.total)
            case wire.BlockDone():
                self._block_done(message, sessions)
            case wire.Changed():
                if waiting := self._asked(message.request):
                    waiting.set_result(Ack(message.block, message.parameters, message.pending))
            case wire.Refused():
                if waiting := self._asked(message.request):
                    waiting.set_exception(ParameterError(message.path, message.value, message.allowed))
            case wire.SessionFailed():
                self.fail(message.reason)

    async def update(self, changes: Mapping[str, object]) -> Ack:
        """Change live parameters; returns at which block. Raises `ParameterError`, or `Unavailable` without a model."""
        wanted = {name: value for name, value in changes.items() if name != "reset"}
        merged = merge(self.parameters, wanted)  # refused here, a bad value never reaches the model process
        if not isinstance(changes.get("reset", False), bool):
            raise ParameterError("reset", changes["reset"], "must be true or false")
        if self.failure is not None:
            raise Unavailable(f"the session has failed: {self.failure}")
        if self.link.congested:
            raise Unavailable(CONGESTED)
        request, answer = next(self._requests), asyncio.get_running_loop().create_future()
        self._waiting[request] = answer
        try:
            if not self.link.send(wire.Change(session=self.id, request=request, changes=dict(changes))):
                raise Unavailable(self.link.reason)
            self.parameters = merged
            return await asyncio.wait_for(answer, ACK_S)
        except TimeoutError as error:
            raise Unavailable(f"the model has not answered within {ACK_S:.0f} s") from error
        finally:
            self._waiting.pop(request, None)

    def fail(self, reason: str) -> None:
        """The session cannot go on; it stays to say why."""
        log.error("session %s failed: %s", self.id, reason)
        self.failure = reason
        self.drop_waiting(reason)

    def drop_waiting(self, reason: str) -> None:
        """The model process is gone: nothing that was asked of it will be answered."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Unavailable(reason))
        self._waiting.clear()

    def status(self) -> dict[str, object]:
        """What GET and the telemetry channel say."""
        block = self.last_block
        return {
            "id": self.id,
            "state": self.state,
            "reason": self.reason,
            "parameters": to_dict(self.parameters),
            "viewers": len(self.viewers),
            "stats": self.frames.figures()
            | {
                "keep_ratio": round(block.keep_ratio, 3) if block else None,
                "block": block.block if block else None,
                "stage_ms": {stage: round(ms, 2) for stage, ms in block.stage_ms.items()} if block else {},
            },
        }

    async def close(self) -> None:
        """Free everything."""
        await self.disconnect()
        await asyncio.gather(*(self.unwatch(viewer) for viewer in list(self.viewers)))
        await asyncio.gather(*self._closing)
        self.link.send(wire.Close(session=self.id))
        self.drop_waiting("the session has ended")
        self.frames.close()

    def _control(self, channel: RTCDataChannel) -> None:
        ControlChannel(channel, self._change)

    async def _change(self, changes: Mapping[str, object]) -> dict[str, Any]:
        """What the data channel asks for."""
        return asdict(await self.update(changes))

    def _frames_put(self, total: int) -> None:
        self.link.send(wire.FramesPut(session=self.id, total=total))

    def _frames_taken(self, total: int) -> None:
        self.link.send(wire.FramesTaken(session=self.id, total=total))

    def _lost(self, peer: Peer, why: str) -> None:
        """The connection that the video comes from has ended by itself."""
        if self.peer is peer:  # else another has taken its place already
            log.info("session %s waits for its source: %s", self.id, why)
            self.no_picture = why
            self._later(self.park())

    def _note_problem(self, why: str | None) -> None:
        if why is not None and why != self.no_picture:
            log.warning("session %s has no picture: %s", self.id, why)
        self.no_picture = why

    def _left(self, viewer: Peer, why: str) -> None:
        if viewer.id in self.viewers and viewer.id not in self.left:
            log.info("session %s: a viewer has left: %s", self.id, why)
            self.left.append(viewer.id)
            self._later(self.unwatch(viewer.id))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _asked(self, request: int) -> asyncio.Future[Ack] | None:
        """Who waits for the answer; None when it came too late."""
        waiting = self._waiting.pop(request, None)
        return None if waiting is None or waiting.done() else waiting

    def _block_done(self, done: wire.BlockDone, sessions: int) -> None:
        edited = bool(done.stage_ms)  # while paused the last frame is only repeated
        if edited:
            self.last_block = done
        self.frames.block_done(done.busy_ms if edited else None, done.dropped, sessions)
