"""The model process's loop, with small random models on a pipe of the test's own."""

import multiprocessing
import threading
import time
from dataclasses import replace

import pytest
import torch

from lipar_core.models.prompts import MAX_PROMPTS, PromptCache
from server import wire
from server.model.loop import ModelLoop
from server.ring import FrameRing
from tests.server.live import wait_until
from tests.tiny import RandomText, tiny_models, tiny_preset

PRESET = tiny_preset(block_frames=1)
SIZE = PRESET.stream.width, PRESET.stream.height, PRESET.stream.frames_per_block
WITHIN_S = 30.0


class Web:
    """The other end of the pipe: what the web process sends, and all that it has received."""

    def __init__(self, models) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.worker = ModelLoop(theirs, models)
        self.rings: dict[str, tuple[FrameRing, FrameRing]] = {}
        self.received: list[wire.Event] = []
        self.requests = 0

    def open(self, name: str, **parameters: object) -> None:
        self.rings[name] = FrameRing(*SIZE), FrameRing(*SIZE)
        incoming, outgoing = self.rings[name]
        opened = wire.Open(session=name, incoming=incoming.name, outgoing=outgoing.name, parameters=parameters)
        wire.send(self.pipe, opened)

    def put_block(self, name: str) -> None:
        incoming, outgoing = self.rings[name]
        outgoing.read = outgoing.written  # nobody needs the pictures
        incoming.read = incoming.written
        for i in range(SIZE[2]):
            incoming.put(torch.full((SIZE[1] * 3 // 2, SIZE[0]), 90, dtype=torch.uint8).numpy(), float(i))
        wire.send(self.pipe, wire.FramesPut(session=name, total=incoming.written))

    def change(self, name: str, **changes: object) -> int:
        self.requests += 1
        wire.send(self.pipe, wire.Change(session=name, request=self.requests, changes=changes))
        return self.requests

    def run_once(self) -> list[wire.Event]:
        """One turn of the loop; what it sent."""
        self.worker.run_once()
        new = []
        while self.pipe.poll():
            message = wire.receive_event(self.pipe)
            new.append(message)
            if isinstance(message, wire.FramesPut):
                self.rings[message.session][1].set_written(message.total)
                self.rings[message.session][1].read = message.total
                wire.send(self.pipe, wire.FramesTaken(session=message.session, total=message.total))
        self.received += new
        return new

    def turn_until(self, kind: type, **fields: object):
        """Turns until such a message has come."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            for message in self.run_once():
                if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                    return message
        raise AssertionError(f"no {kind.__name__} {fields} within {WITHIN_S:.0f} s: {self.received}")

    def close(self) -> None:
        for name in list(self.worker.sessions):
            self.worker.close_session(name)
        for rings in self.rings.values():
            for ring in rings:
                ring.close()


class SlowText(RandomText):
    """Encodes a prompt when the test lets it."""

    def __init__(self) -> None:
        super().__init__(PRESET.transformer.text_length, PRESET.transformer.text_dim)
        self.encoded: list[str] = []
        self.may_go = threading.Semaphore(0)

    def encode(self, prompt: str) -> torch.Tensor:
        self.encoded.append(prompt)
        assert self.may_go.acquire(timeout=WITHIN_S)
        if "broken" in prompt:
            raise RuntimeError("no such word")
        return super().encode(prompt)


@pytest.fixture
def web():
    web = Web(tiny_models(PRESET))
    yield web
    web.close()


@pytest.fixture
def slow():
    text = SlowText()
    web = Web(replace(tiny_models(PRESET), prompts=PromptCache(text)))
    web.text = text
    yield web
    text.may_go.release(100)
    web.close()


def opened(web, *names: str) -> None:
    for name in names:
        web.open(name, prompt="a")
        web.turn_until(wire.PromptEncoded, session=name)


def blocks(messages) -> list[str]:
    return [message.session for message in messages if isinstance(message, wire.BlockDone)]


def test_a_waiting_block_is_edited_in_the_turn_that_takes_the_messages(web):
    """A slider that is dragged sends changes without end: each turn takes all that are there, and edits a block."""
    opened(web, "s")
    for _ in range(4):
        web.put_block("s")
        for step in range(20):
            web.change("s", pruning={"tau": 0.1 + step / 100})
        sent = web.run_once()
        assert blocks(sent) == ["s"]
        assert sum(isinstance(message, wire.ChangeApplied) for message in sent) == 20


def test_two_sessions_take_turns_by_block(web):
    opened(web, "a", "b")
    web.put_block("a")
    web.put_block("b")
    assert sorted(blocks(web.run_once()) + blocks(web.run_once())) == ["a", "b"]


def test_memory_that_runs_out_while_a_session_opens_refuses_that_session_alone(web, monkeypatch):
    opened(web, "a")
    with monkeypatch.context() as patch:
        patch.setattr("server.model.loop.LiveStream", _raise(torch.OutOfMemoryError("CUDA out of memory.")))
        web.open("b", prompt="a")
        assert "out of memory" in web.turn_until(wire.SessionFailed, session="b").reason
    web.put_block("a")
    assert blocks(web.run_once()) == ["a"]
    opened(web, "b")


def test_memory_that_runs_out_in_the_middle_of_opening_holds_no_ring(web, monkeypatch):
    closed = []
    monkeypatch.setattr(FrameRing, "close", lambda ring, close=FrameRing.close: closed.append(ring.name) or close(ring))
    monkeypatch.setattr("server.model.live_stream.PendingChanges", _raise(MemoryError()))
    web.open("a", prompt="a")
    assert "--max-sessions" in web.turn_until(wire.SessionFailed, session="a").reason
    assert sorted(closed) == sorted(ring.name for ring in web.rings["a"])


def test_any_other_error_while_a_session_opens_is_its_own(web, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("server.model.loop.LiveStream", _raise(ZeroDivisionError("division by zero")))
        web.open("a", prompt="a")
        assert "division by zero" in web.turn_until(wire.SessionFailed, session="a").reason
    opened(web, "a")


def test_blocks_continue_while_a_prompt_is_encoded_and_it_applies_from_the_acknowledged_block(slow):
    slow.text.may_go.release()
    opened(slow, "s")
    request = slow.change("s", prompt="b", pruning={"tau": 0.5})
    for _ in range(3):
        slow.put_block("s")
        slow.turn_until(wire.BlockDone)
    assert not any(isinstance(message, wire.ChangeApplied) for message in slow.received)
    assert slow.worker.sessions["s"].edit.parameters.pruning.tau == 0.5  # needs no text encoder
    slow.text.may_go.release()
    done = slow.turn_until(wire.ChangeApplied, request=request).acknowledgement
    assert (done.block, done.parameters.prompt) == (3, "b")
    slow.put_block("s")
    assert slow.turn_until(wire.BlockDone).block == 3


def test_of_several_prompts_the_newest_is_encoded_and_all_requests_are_acknowledged(slow):
    slow.text.may_go.release()
    opened(slow, "s")
    requests = [slow.change("s", prompt="b")]
    slow.run_once()
    wait_until(lambda: "b" in slow.text.encoded)  # else the encoder's thread could begin with c
    requests += [slow.change("s", prompt=prompt) for prompt in "cd"]
    slow.run_once()
    slow.text.may_go.release(3)
    slow.turn_until(wire.ChangeApplied, request=requests[-1])
    answers = [message for message in slow.received if isinstance(message, wire.ChangeApplied)]
    assert [answer.request for answer in answers] == requests
    assert {answer.acknowledgement.parameters.prompt for answer in answers} == {"d"}
    assert "c" not in slow.text.encoded
    back = slow.change("s", prompt="a")
    assert slow.turn_until(wire.ChangeApplied, request=back).acknowledgement.parameters.prompt == "a"
    assert slow.text.encoded.count("a") == 1


def test_a_prompt_that_cannot_be_encoded_is_refused_and_the_old_one_stays(slow):
    slow.text.may_go.release(2)
    opened(slow, "s")
    request = slow.change("s", prompt="broken")
    refused = slow.turn_until(wire.ChangeRejected, request=request)
    assert refused.path == "prompt"
    assert "no such word" in refused.allowed
    assert slow.worker.sessions["s"].edit.parameters.prompt == "a"
    slow.put_block("s")
    assert slow.turn_until(wire.BlockDone).block == 0


def test_a_session_waits_for_its_first_prompt_and_delays_no_other(slow):
    slow.text.may_go.release()
    opened(slow, "a")
    slow.open("b", prompt="another")
    slow.run_once()
    slow.put_block("b")
    slow.put_block("a")
    assert slow.turn_until(wire.BlockDone).session == "a"
    slow.text.may_go.release()
    assert slow.turn_until(wire.BlockDone).session == "b"


def test_a_session_whose_first_prompt_cannot_be_encoded_fails_and_says_why(slow):
    slow.text.may_go.release()
    slow.open("s", prompt="broken")
    assert "no such word" in slow.turn_until(wire.SessionFailed, session="s").reason


def test_a_hung_text_encoder_ends_the_process_and_the_session_without_a_first_prompt(slow, monkeypatch):
    slow.text.may_go.release()
    opened(slow, "a")
    slow.open("b", prompt="endless")
    slow.turn_until(wire.Opened, session="b")
    monkeypatch.setattr("server.model.prompt_encoder.MIN_TIMEOUT_S", 0.0)
    monkeypatch.setattr("server.model.prompt_encoder.TIMEOUT_FACTOR", 0)
    assert "text encoder" in slow.turn_until(wire.Exiting).reason
    assert [message.session for message in slow.received if isinstance(message, wire.SessionFailed)] == ["b"]
    assert not slow.worker.running


def test_a_change_whose_prompt_hangs_ends_the_process_but_not_its_session(slow, monkeypatch):
    slow.text.may_go.release()
    opened(slow, "a")
    slow.change("a", prompt="endless")
    slow.run_once()
    monkeypatch.setattr("server.model.prompt_encoder.MIN_TIMEOUT_S", 0.0)
    monkeypatch.setattr("server.model.prompt_encoder.TIMEOUT_FACTOR", 0)
    slow.turn_until(wire.Exiting)
    assert not any(
        isinstance(message, (wire.SessionFailed, wire.ChangeApplied, wire.ChangeRejected)) for message in slow.received
    )


def test_a_paused_session_keeps_its_prompt_encoded(slow):
    slow.text.may_go.release(100)
    opened(slow, "s")
    slow.change("s", paused=True, prompt="b")
    slow.turn_until(wire.ChangeApplied)
    for number in range(2 * MAX_PROMPTS):
        slow.worker.encoder.prompts.encode(f"another's {number}")
    slow.turn_until(wire.ChangeApplied, request=slow.change("s", paused=False))
    slow.put_block("s")
    slow.turn_until(wire.BlockDone)
    assert slow.text.encoded.count("b") == 1


def _raise(error: Exception):
    def raising(*_: object) -> None:
        raise error

    return raising
