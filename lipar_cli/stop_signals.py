"""Signals that stop a command like Ctrl-C."""

import signal
from types import FrameType

_received: list[int] = []


def stop_like_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP raise `KeyboardInterrupt` too; ignored signals (nohup) stay ignored."""
    _received.clear()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def stop_was_requested() -> bool:
    """Whether such a signal has come: a library may have turned its `KeyboardInterrupt` into an error of its own."""
    return bool(_received)


def _stop(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    signal.default_int_handler(number, frame)
