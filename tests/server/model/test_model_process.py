"""The model process's loop, with small random models."""

import re

import numpy as np
import pytest
import torch

from server import wire
from server.ring import FrameRing
from tests.server.model.model_pipe import PRESET, Web, blocks, opened
from tests.tiny import tiny_models


@pytest.fixture
def web():
    web = Web(tiny_models(PRESET))
    yield web
    web.close()


def test_each_iteration_handles_all_messages_and_edits_a_block(web):
    """Dragging a slider sends many changes: each iteration handles all of them and edits a block."""
    opened(web, "s")
    for _ in range(4):
        web.put_block("s")
        for step in range(20):
            web.change("s", pruning={"tau": 0.1 + step / 100})
        sent = web.run_once()
        assert blocks(sent) == ["s"]
        assert sum(isinstance(message, wire.ChangeAcknowledged) for message in sent) == 20


def test_frames_are_sent_before_the_clean_pass(web, monkeypatch):
    opened(web, "s")
    web.put_block("s")
    first = next(message for message in web.run_once() if isinstance(message, wire.BlockDone))
    assert first.clean_ms == 0
    with monkeypatch.context() as patch:
        patch.setattr("server.model.live_stream.LiveStream.finish_block", _raise(MemoryError()))
        web.put_block("s")
        sent = web.run_once()
    order = [message for message in sent if isinstance(message, (wire.BlockDone, wire.SessionFailed))]
    assert [type(message) for message in order] == [wire.BlockDone, wire.SessionFailed]
    assert order[0].clean_ms > 0  # of the block before


def test_keep_masks_are_sent_only_while_they_are_wanted(web):
    opened(web, "s")
    stream = PRESET.stream
    for enabled in (None, True, False):
        if enabled is not None:
            wire.send(web.pipe, wire.SendKeepMasks(session="s", enabled=enabled))
        web.put_block("s")
        done = web.run_until(wire.BlockDone, session="s")
        assert len(done.masks) == (done.frames if enabled else 0)
        for mask in done.masks:
            bits = np.unpackbits(np.frombuffer(mask.bits, np.uint8), count=stream.tokens_per_frame)
            assert bits.mean() == pytest.approx(done.keep_ratio)


def test_two_sessions_take_turns_by_block(web):
    opened(web, "a", "b")
    web.put_block("a")
    web.put_block("b")
    assert sorted(blocks(web.run_once()) + blocks(web.run_once())) == ["a", "b"]


def test_out_of_memory_when_opening_fails_only_that_session(web, monkeypatch):
    opened(web, "a")
    with monkeypatch.context() as patch:
        patch.setattr("server.model.loop.LiveStream", _raise(torch.OutOfMemoryError("CUDA out of memory.")))
        web.open("b", prompt="a")
        reason = web.run_until(wire.SessionFailed, session="b").reason
        assert re.search(r"out of memory on cpu: .*; planned are .*2 sessions x \(KV cache .* GiB; end another", reason)
    web.put_block("a")
    assert blocks(web.run_once()) == ["a"]
    opened(web, "b")


def test_out_of_memory_when_opening_detaches_the_rings(web, monkeypatch):
    closed = []
    monkeypatch.setattr(FrameRing, "close", lambda ring, close=FrameRing.close: closed.append(ring.name) or close(ring))
    monkeypatch.setattr("server.model.live_stream.PendingChanges", _raise(MemoryError()))
    web.open("a", prompt="a")
    assert "--max-sessions" in web.run_until(wire.SessionFailed, session="a").reason
    assert sorted(closed) == sorted(ring.name for ring in web.rings["a"])


def test_another_error_when_opening_fails_only_that_session(web, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("server.model.loop.LiveStream", _raise(ZeroDivisionError("division by zero")))
        web.open("a", prompt="a")
        assert "division by zero" in web.run_until(wire.SessionFailed, session="a").reason
    opened(web, "a")


def _raise(error: Exception):
    def raising(*_: object) -> None:
        raise error

    return raising
