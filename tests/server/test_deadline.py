"""How long a model process may be silent follows from what it has shown of itself."""

from server import wire
from server.deadline import BLOCKS, FIRST_USE_S, FLOOR_S, Deadline


def block(session: str, busy_ms: float, stage_ms: dict[str, float]) -> wire.BlockDone:
    about = {"block": 1, "frames": 4, "dropped": 0, "keep_ratio": 1.0}
    return wire.BlockDone(session=session, busy_ms=busy_ms, stage_ms=stage_ms, **about)


def test_loading_and_first_use_are_excepted():
    deadline = Deadline(600.0, None)
    assert deadline.limit_s == 600.0
    deadline.note_received(wire.Ready(warmup_ms=1.0))
    assert deadline.limit_s == FLOOR_S
    deadline.note_sent(wire.Open(session="a", incoming="", outgoing="", parameters={}))
    assert deadline.limit_s == FIRST_USE_S
    deadline.note_received(block("a", 20_000, {"denoise": 1.0}))  # it compiled something
    for _ in range(3):
        deadline.note_received(block("a", 100, {"denoise": 1.0}))
    assert deadline.limit_s == FLOOR_S


def test_a_slow_model_may_take_its_time():
    deadline = Deadline(600.0, None)
    deadline.note_received(wire.Ready(warmup_ms=1.0))
    for _ in range(10):
        deadline.note_received(block("a", 4000, {"denoise": 1.0}))
        deadline.note_received(block("a", 1, {}))  # a repeated frame says nothing
    assert deadline.limit_s == BLOCKS * 4.0


def test_a_session_that_has_gone_is_not_waited_for():
    deadline = Deadline(600.0, None)
    deadline.note_received(wire.Ready(warmup_ms=1.0))
    for end in (
        (deadline.note_sent, wire.Close(session="a")),
        (
            deadline.note_received,
            wire.SessionFailed(session="a", reason="x"),
        ),
    ):
        deadline.note_sent(wire.Open(session="a", incoming="", outgoing="", parameters={}))
        end[0](end[1])
        assert deadline.limit_s == FLOOR_S


def test_a_setting_goes_before_what_is_measured():
    deadline = Deadline(600.0, 12.0)
    assert deadline.limit_s == 600.0
    deadline.note_received(wire.Ready(warmup_ms=1.0))
    assert deadline.limit_s == 12.0
