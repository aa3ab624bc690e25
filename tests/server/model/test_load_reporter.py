"""What loading does is reported to the web process, until that has ended."""

import multiprocessing

import pytest

from server import wire
from server.model.load_reporter import INTERVAL_S, LoadReporter


def test_an_activity_is_sent_at_most_once_per_interval():
    ours, theirs = multiprocessing.Pipe()
    now = 0.0
    report = LoadReporter(theirs, lambda: now)
    for activity in ("0 %", "1 %", "2 %"):
        report(activity)
        now += 0.6 * INTERVAL_S
    theirs.close()
    assert [wire.receive_event(ours).activity for _ in range(2)] == ["0 %", "2 %"]
    with pytest.raises(EOFError):
        wire.receive_event(ours)
    ours.close()


def test_loading_ends_with_the_web_process():
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    with pytest.raises(SystemExit):
        LoadReporter(theirs, lambda: 0.0)("0 %")
    theirs.close()
