"""A session's live parameters: what holds, and what was asked for and is not acknowledged yet."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import ParameterError
from lipar_core.parameters import Parameters, merge
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
    """`parameters`: as last acknowledged by the model process, which is authoritative, or the initial ones.

    A change that is refused, or lost with the model process, leaves no trace in them. It has no time limit of its own:
    a process that does not answer misses its deadline and is ended, and everything in flight is refused then.
    """

    def __init__(
        self, parameters: Parameters, send: Callable[[int, dict[str, object]], bool], counters: SessionCounters
    ) -> None:
        """`send`: request number and changes to the model process; False where there is none."""
        self.parameters, self._send = parameters, send
        self.counters = counters
        self.opened = False  # the model process knows the session
        self._numbers = itertools.count()
        self._in_flight: dict[int, InFlight] = {}

    def check(self, changes: Mapping[str, object]) -> Parameters:
        """What holds when this and all that is in flight is applied. Raises `ParameterError`; has no effect."""
        if not isinstance(changes.get("reset", False), bool):
            raise ParameterError("reset", changes["reset"], "must be true or false")
        merged = self.parameters
        for one in self._in_flight.values():
            merged = merge(merged, _settings(one.changes))
        return merge(merged, _settings(changes))

    def request(self, changes: Mapping[str, object]) -> asyncio.Future[Acknowledgement]:
        """Ask for a change; the future gets its acknowledgement.

        Raises `ParameterError` or `Unavailable`: there is no effect then.
        Before the model process knows the session, it holds at once: from the first block.
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

    def change_applied(self, message: wire.ChangeApplied) -> None:
        if (one := self._in_flight.pop(message.request, None)) is None:
            return  # already rejected
        self.parameters = message.acknowledgement.parameters
        self.counters.changes_applied += 1
        if not one.future.done():
            one.future.set_result(message.acknowledgement)

    def change_rejected(self, message: wire.ChangeRejected) -> None:
        if (one := self._in_flight.pop(message.request, None)) is None:
            return
        self.counters.changes_rejected += 1
        if not one.future.done():
            one.future.set_exception(ParameterError(message.path, message.value, message.allowed))

    def reject_all(self, reason: str) -> None:
        """The model process or the session has ended: nothing in flight was applied."""
        self.opened = False
        in_flight, self._in_flight = self._in_flight, {}
        self.counters.changes_rejected += len(in_flight)
        for one in in_flight.values():
            if not one.future.done():  # else the caller was cancelled
                one.future.set_exception(Unavailable(f"{reason}; the change was not applied"))
                one.future.exception()  # asked for already: nobody need wait for it


def _settings(changes: Mapping[str, object]) -> dict[str, object]:
    """Without what is an action, not a parameter."""
    return {name: value for name, value in changes.items() if name != "reset"}
