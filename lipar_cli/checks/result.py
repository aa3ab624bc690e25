"""The result of one check."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    OK = "ok"
    WARN = "warn"  # works, with a limit that the detail names
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found; `remedy` is what to do about it, empty if ok."""

    status: CheckStatus
    detail: str
    remedy: str = ""

    def __post_init__(self) -> None:
        assert (self.status is CheckStatus.OK) == (not self.remedy), "a result that is not ok needs a remedy"


def ok(detail: str) -> Result:
    return Result(CheckStatus.OK, detail)


def warn(detail: str, remedy: str) -> Result:
    return Result(CheckStatus.WARN, detail, remedy)


def fail(detail: str, remedy: str) -> Result:
    return Result(CheckStatus.FAIL, detail, remedy)
