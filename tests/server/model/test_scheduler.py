"""The scheduler: round robin by block, on a simulated clock."""

import pytest

from server.model.scheduler import Scheduler, Turn


@pytest.fixture
def scheduler():
    scheduler = Scheduler()
    for session in "abc":
        scheduler.add(session)
    return scheduler


def picked(scheduler: Scheduler, waiting: str, times: int) -> list[str | None]:
    turns = (scheduler.pick(dict.fromkeys(waiting, 0.0), 1.0) for _ in range(times))
    return [turn and turn.session for turn in turns]


def test_sessions_take_turns_and_one_that_is_not_ready_loses_nothing(scheduler):
    assert picked(scheduler, "abc", 4) == ["a", "b", "c", "a"]
    assert picked(scheduler, "a", 1) == ["a"]
    assert picked(scheduler, "", 1) == [None]
    scheduler.remove("c")
    assert picked(scheduler, "abc", 3) == ["b", "a", "b"]


def test_a_session_that_always_has_a_block_delays_another_by_one_block_only(scheduler):
    picked(scheduler, "a", 5)
    assert picked(scheduler, "ab", 2) == ["b", "a"]


def test_a_turn_has_the_time_that_the_block_has_waited(scheduler):
    waiting = {"a": 10.0, "b": 10.5}
    assert scheduler.pick(waiting, 10.25) == Turn("a", 0.25)
    assert scheduler.pick(waiting, 12.0) == Turn("b", 1.5)
