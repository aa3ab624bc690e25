"""What loading is doing, passed from the loaders of all kinds of models to their caller."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Report = Callable[[str], None]


def _ignore(_: str) -> None:
    """Used if no caller listens."""


_report: ContextVar[Report] = ContextVar("report_load_progress", default=_ignore)


@contextmanager
def load_progress_to(report: Report) -> Iterator[None]:
    """Within this context `report` is called, in the thread that loads, with what is being done."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def report_load_progress(activity: str) -> None:
    _report.get()(activity)
