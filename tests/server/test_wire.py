import multiprocessing

import pytest

from lipar_core.acknowledgement import Acknowledgement, PromptTokens
from lipar_core.parameters import Parameters
from server import wire

UP = [
    wire.Ready(load_ms=2.0, warmup_ms=3.5, block_ms=1.5, dtype="float32", buckets={"96x64": (8, 24)}),
    wire.Loading(activity="converting a.pt, once: 40 %"),
    wire.LoadFailed(reason="no file"),
    wire.Exiting(reason="the text encoder hangs"),
    wire.Opened(session="a"),
    wire.ChangeAcknowledged(
        session="a",
        request=1,
        acknowledgement=Acknowledgement(
            block=2,
            parameters=Parameters(prompt="x", denoising_steps=(2, 1)),
            pending=False,
            prompt_tokens=PromptTokens(used=1, given=2),
        ),
    ),
    wire.ParametersApplied(session="a", block=2, parameters=Parameters(prompt="x"), reset=True),
    wire.PromptEncoded(session="a", tokens=PromptTokens(used=1, given=2)),
    wire.ChangeRejected(session="a", request=1, path="pruning.tau", value="-1", allowed=">= 0"),
    wire.BlockDone(
        session="a", block=1, frames=4, dropped=0, keep_ratio=0.5, stage_ms={"encode": 1.0}, queue_ms=2.0, edit_ms=9.0
    ),
    wire.SessionFailed(session="a", reason="out of memory"),
    wire.FramesPut(session="a", total=8),
    wire.FramesTaken(session="a", total=8),
    wire.Heartbeat(),
]
DOWN = [
    wire.Open(session="a", incoming="x", outgoing="y", size="96x64", parameters={"seed": 1}),
    wire.Close(session="a"),
    wire.Change(session="a", request=7, changes={"pruning": {"tau": 0.2}}),
    wire.FramesPut(session="a", total=8),
    wire.FramesTaken(session="a", total=8),
    wire.Stop(),
]


def test_messages_round_trip():
    ours, child_pipe = multiprocessing.Pipe()
    for message in DOWN:
        wire.send(ours, message)
        assert wire.receive_command(child_pipe) == message
    for message in UP:
        wire.send(child_pipe, message)
        assert wire.receive_event(ours) == message
    child_pipe.close()
    with pytest.raises(EOFError):
        wire.receive_event(ours)
    ours.close()
