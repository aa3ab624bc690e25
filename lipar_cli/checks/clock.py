"""The system clock: certificates and TURN credentials expire by it."""

import ctypes
import sys
from datetime import UTC, datetime
from pathlib import Path

import lipar_core
from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
TIMEX_BYTES = 512  # more than `struct timex` on any Linux; all zero: read only, which needs no permission
SYNCHRONISE = "enable NTP: timedatectl set-ntp true, or install chrony; in a container: on the host"


def check_clock(_: Target) -> Result:
    installed = datetime.fromtimestamp(Path(lipar_core.__file__).stat().st_mtime, UTC)
    return judge_clock(datetime.now(UTC), installed, is_synchronised())


def judge_clock(now: datetime, installed: datetime, synchronised: bool | None) -> Result:
    """`installed`: when this package was written to disk; the present cannot be earlier."""
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < installed:
        return fail(f"{text} is before this package was installed ({installed:%Y-%m-%d})", SYNCHRONISE)
    if synchronised is None:
        return ok(f"{text}; whether NTP keeps it cannot be read on this system")
    return ok(f"{text}, kept by NTP") if synchronised else warn(f"{text}, not synchronised by NTP", SYNCHRONISE)


def is_synchronised() -> bool | None:
    """Whether the kernel reports a synchronised clock (adjtimex); None if it does not report it."""
    if sys.platform != "linux":
        return None
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return None if state < 0 else state != TIME_ERROR
