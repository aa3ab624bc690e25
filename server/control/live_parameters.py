"""A session's live parameters, and the changes that are not acknowledged yet."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import ParameterError
from lipar_core.parameter_changes import merge, split_reset
from lipar_core.parameters import Parameters
from server import wire
from server.errors import Unavailable
from server.media.counters import SessionCounters
from server.workers.link import CONGESTED

MAX_IN_FLIGHT = 200


@dataclass(frozen=True, slots=True)
class InFlight:
    """A change that was sent to the model process."""

    changes: Mapping[str, object]
    future: asyncio.Future[Acknowledgement]


class LiveParameters:
    """`parameters`: as last acknowledged by the model process, which is authoritative; at first the initial ones.

    A change that is rejected, or lost with the model process, has no effect on them. Changes have no timeout: a process
    that does not respond misses its heartbeat deadline and is killed, which rejects all changes in flight.
    """

    def __init__(
        self, parameters: Parameters, send: Callable[[int, dict[str, object]], bool], counters: SessionCounters
    ) -> None:
        """`send`: sends request number and changes to the model process; False without one."""
        self.parameters, self._send = parameters, send
        self.counters = counters
        self.opened = False  # in the model process
        self._numbers = itertools.count()
        self._in_flight: dict[int, InFlight] = {}

    def check(self, changes: Mapping[str, object]) -> Parameters:
        """The parameters after these changes and all in flight, without any effect. Raises `ParameterError`."""
        merged = self.parameters
        for requested in (*(pending.changes for pending in self._in_flight.values()), changes):
            settings, _ = split_reset(requested)
            merged = merge(merged, settings)
        return merged

    def request(self, changes: Mapping[str, object]) -> asyncio.Future[Acknowledgement]:
        """Request a change; the future gets its acknowledgement.

        Raises `ParameterError` or `Unavailable`, without any effect.
        Before the session is open in the model process, a change applies at once: from the first block.
        """
        merged = self.check(changes)
        future: asyncio.Future[Acknowledgement] = asyncio.get_running_loop().create_future()
        if not self.opened:
            self.parameters = merged
            self.counters.changes_applied += 1
            future.set_result(Acknowledgement(block=0, parameters=merged, pending=True))
            return future
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise Unavailable(CONGESTED)
        number = next(self._numbers)
        if not self._send(number, dict(changes)):
            raise Unavailable("the model process has ended; it is started again")
        self._in_flight[number] = InFlight(changes, future)
        return future

    def change_acknowledged(self, message: wire.ChangeAcknowledged) -> None:
        if (pending := self._in_flight.pop(message.request, None)) is None:
            return  # already rejected
        self.parameters = message.acknowledgement.parameters
        self.counters.changes_applied += 1
        if not pending.future.done():
            pending.future.set_result(message.acknowledgement)

    def change_rejected(self, message: wire.ChangeRejected) -> None:
        if (pending := self._in_flight.pop(message.request, None)) is None:
            return
        self.counters.changes_rejected += 1
        if not pending.future.done():
            pending.future.set_exception(ParameterError(message.path, message.value, message.allowed))

    def reject_all(self, reason: str) -> None:
        """The model process or the session has ended: nothing in flight was applied."""
        self.opened = False
        in_flight, self._in_flight = self._in_flight, {}
        self.counters.changes_rejected += len(in_flight)
        for pending in in_flight.values():
            if not pending.future.done():  # else the caller was cancelled
                pending.future.set_exception(Unavailable(f"{reason}; the change was not applied"))
                pending.future.exception()  # mark it as retrieved: it may not be awaited
