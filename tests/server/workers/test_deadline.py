"""The heartbeat timeout follows from the measured time of blocks."""

from server import wire
from server.workers.deadline import FIRST_USE_S, MIN_TIMEOUT_S, TIMEOUT_BLOCKS, Deadline


def block(session: str, edit_ms: float, stage_ms: dict[str, float]) -> wire.BlockDone:
    about = {"block": 1, "frames": 4, "dropped": 0, "keep_ratio": 1.0, "queue_ms": 0.0}
    return wire.BlockDone(session=session, edit_ms=edit_ms, stage_ms=stage_ms, **about)


def opening(session: str) -> wire.Open:
    return wire.Open(session=session, incoming="", outgoing="", size="96x64", parameters={})


def test_loading_and_first_blocks_have_longer_timeouts():
    deadline = Deadline(600.0, None)
    assert deadline.timeout_s == 600.0
    deadline.event_received(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=20.0, dtype="float32"))
    assert deadline.timeout_s == MIN_TIMEOUT_S
    deadline.command_sent(opening("a"))
    assert deadline.timeout_s == MIN_TIMEOUT_S  # without a frame no block is being edited
    deadline.event_received(wire.FramesTaken(session="a", total=4))
    assert deadline.timeout_s == FIRST_USE_S
    deadline.event_received(block("a", 20_000, {"denoise": 1.0}))  # it may have compiled kernels
    for _ in range(3):
        deadline.event_received(block("a", 100, {"denoise": 1.0}))
    deadline.event_received(wire.FramesTaken(session="a", total=20))
    assert deadline.timeout_s == MIN_TIMEOUT_S


def test_a_session_without_a_first_block_extends_no_other_timeout():
    deadline = Deadline(600.0, None)
    deadline.event_received(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=20.0, dtype="float32"))
    deadline.command_sent(opening("a"))
    deadline.event_received(block("a", 100, {"denoise": 1.0}))
    deadline.command_sent(opening("b"))
    deadline.event_received(wire.FramesTaken(session="a", total=8))
    assert deadline.timeout_s == MIN_TIMEOUT_S


def test_the_timeout_covers_a_full_block_as_at_warm_up():
    """Most tokens of earlier blocks were reused; a new prompt computes all of them."""
    deadline = Deadline(600.0, None)
    deadline.event_received(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=2000.0, dtype="float32"))
    for _ in range(40):
        deadline.event_received(block("a", 100, {"denoise": 1.0}))
    assert deadline.timeout_s == TIMEOUT_BLOCKS * 2.0


def test_a_slow_model_has_a_longer_timeout():
    deadline = Deadline(600.0, None)
    deadline.event_received(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=20.0, dtype="float32"))
    for _ in range(10):
        deadline.event_received(block("a", 4000, {"denoise": 1.0}))
        deadline.event_received(block("a", 1, {}))  # a repeated frame is not a measurement
    assert deadline.timeout_s == TIMEOUT_BLOCKS * 4.0


def test_a_closed_session_does_not_extend_the_timeout():
    deadline = Deadline(600.0, None)
    deadline.event_received(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=20.0, dtype="float32"))
    for end in (
        (deadline.command_sent, wire.Close(session="a")),
        (
            deadline.event_received,
            wire.SessionFailed(session="a", reason="x"),
        ),
    ):
        deadline.command_sent(opening("a"))
        deadline.event_received(wire.FramesTaken(session="a", total=4))
        end[0](end[1])
        deadline.event_received(wire.FramesTaken(session="a", total=8))
        assert deadline.timeout_s == MIN_TIMEOUT_S


def test_the_setting_overrides_the_measured_timeout():
    deadline = Deadline(600.0, 12.0)
    assert deadline.timeout_s == 600.0
    deadline.event_received(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=20.0, dtype="float32"))
    assert deadline.timeout_s == 12.0
