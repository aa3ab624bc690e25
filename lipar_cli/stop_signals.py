"""Signals that stop a command like Ctrl-C, wherever they arrive."""

import _thread
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Self

RESEND_DELAY_S = 0.01

_received: list[int] = []


def stop_like_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP raise `KeyboardInterrupt` too; ignored signals (nohup) stay ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def stop_was_requested() -> bool:
    """Whether such a signal has come: a library may have turned its `KeyboardInterrupt` into an error of its own."""
    return bool(_received)


def _stop(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    signal.default_int_handler(number, frame)


class ResendDroppedStops:
    """While entered, a stop is sent again that Python has dropped.

    An exception cannot leave a destructor or the callback of a weak reference or of the garbage collector: where a
    signal arrives in one, its `KeyboardInterrupt` goes to `sys.unraisablehook`, and the command would continue.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._resends: list[int] = []  # signals that will be sent again
        self._in_hook = False

    def __enter__(self) -> Self:
        _received.clear()
        self._previous_hook = sys.unraisablehook
        sys.unraisablehook = self._hook
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._resends:  # they stop the command here, not what follows it
                time.sleep(RESEND_DELAY_S)
        finally:
            sys.unraisablehook = self._previous_hook

    def _hook(self, unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._previous_hook(unraisable)
            return
        self._in_hook = True
        number = _received[-1] if _received else signal.SIGINT
        self._resends.append(number)
        _thread.start_new_thread(self._resend, (number,))  # `threading` would take locks that may be held here
        self._in_hook = False

    def _resend(self, number: int) -> None:
        """Send it once the hook has returned, which no exception can leave either."""
        time.sleep(RESEND_DELAY_S)
        while self._in_hook:
            time.sleep(RESEND_DELAY_S)
        signal.pthread_kill(self._thread, number)
        self._resends.remove(number)
