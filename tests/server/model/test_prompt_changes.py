"""Prompts that are encoded while blocks are edited: order, rejections, time limits."""

from dataclasses import replace

import pytest

from lipar_core.models.prompts import MAX_PROMPTS, PromptCache
from server import wire
from tests.server.live import wait_until
from tests.server.model.model_pipe import PRESET, BlockingText, Web, opened
from tests.tiny import tiny_models


@pytest.fixture
def slow():
    text = BlockingText()
    web = Web(replace(tiny_models(PRESET), prompts=PromptCache(text)))
    web.text = text
    yield web
    text.allowed.release(100)
    web.close()


def test_blocks_continue_during_encoding_and_the_prompt_applies_at_the_acknowledged_block(slow):
    slow.text.allowed.release()
    opened(slow, "s")
    request = slow.change("s", prompt="b", pruning={"tau": 0.5})
    for _ in range(3):
        slow.put_block("s")
        slow.run_until(wire.BlockDone)
    assert not any(isinstance(message, wire.ChangeAcknowledged) for message in slow.received)
    assert slow.worker.sessions["s"].edit.parameters.pruning.tau == 0.5  # needs no text encoder
    slow.text.allowed.release()
    done = slow.run_until(wire.ChangeAcknowledged, request=request).acknowledgement
    assert (done.block, done.parameters.prompt) == (3, "b")
    slow.put_block("s")
    assert slow.run_until(wire.BlockDone).block == 3


def test_only_the_newest_queued_prompt_is_encoded_and_all_requests_are_acknowledged(slow):
    slow.text.allowed.release()
    opened(slow, "s")
    requests = [slow.change("s", prompt="b")]
    slow.run_once()
    wait_until(lambda: "b" in slow.text.encoded)  # else the thread could encode c first
    requests += [slow.change("s", prompt=prompt) for prompt in "cd"]
    slow.run_once()
    slow.text.allowed.release(3)
    slow.run_until(wire.ChangeAcknowledged, request=requests[-1])
    answers = [message for message in slow.received if isinstance(message, wire.ChangeAcknowledged)]
    assert [answer.request for answer in answers] == requests
    assert {answer.acknowledgement.parameters.prompt for answer in answers} == {"d"}
    assert "c" not in slow.text.encoded
    request = slow.change("s", prompt="a")
    assert slow.run_until(wire.ChangeAcknowledged, request=request).acknowledgement.parameters.prompt == "a"
    assert slow.text.encoded.count("a") == 1
    applied = [message.parameters.prompt for message in slow.received if isinstance(message, wire.ParametersApplied)]
    assert applied == ["d", "a"]  # nothing applies while a prompt waits alone


def test_a_failed_encoding_rejects_the_change_and_keeps_the_prompt(slow):
    slow.text.allowed.release(2)
    opened(slow, "s")
    request = slow.change("s", prompt="broken")
    rejected = slow.run_until(wire.ChangeRejected, request=request)
    assert rejected.path == "prompt"
    assert "encoding failed" in rejected.allowed
    assert slow.worker.sessions["s"].edit.parameters.prompt == "a"
    slow.put_block("s")
    assert slow.run_until(wire.BlockDone).block == 0


def test_a_mix_waits_for_all_its_prompts_and_a_moved_weight_for_none(slow):
    slow.text.allowed.release()
    opened(slow, "s")
    request = slow.change("s", prompts=[{"text": "b", "weight": 0.5}, {"text": "c", "weight": 0.5}])
    slow.text.allowed.release()
    wait_until(lambda: "c" in slow.text.encoded or slow.run_once())
    slow.put_block("s")
    slow.run_until(wire.BlockDone)
    assert not any(isinstance(message, wire.ChangeAcknowledged) for message in slow.received)
    slow.text.allowed.release()
    done = slow.run_until(wire.ChangeAcknowledged, request=request).acknowledgement
    assert (done.parameters.prompt, done.parameters.texts) == ("b", ("b", "c"))
    request = slow.change("s", prompts=[{"text": "b", "weight": 0.1}, {"text": "c", "weight": 0.9}])
    slow.run_until(wire.ChangeAcknowledged, request=request)
    request = slow.change("s", prompts=[{"text": "b", "weight": 0.1}, {"text": "broken", "weight": 0.9}])
    slow.text.allowed.release()
    assert slow.run_until(wire.ChangeRejected, request=request).path == "prompts[1].text"
    assert slow.worker.sessions["s"].edit.parameters.texts == ("b", "c")
    assert slow.text.encoded == ["a", "b", "c", "broken"]


def test_encoding_an_initial_prompt_delays_only_its_session(slow):
    slow.text.allowed.release()
    opened(slow, "a")
    slow.open("b", prompt="another")
    slow.run_once()
    slow.put_block("b")
    slow.put_block("a")
    assert slow.run_until(wire.BlockDone).session == "a"
    slow.text.allowed.release()
    assert slow.run_until(wire.BlockDone).session == "b"


def test_a_failed_encoding_of_the_initial_prompt_fails_the_session(slow):
    slow.text.allowed.release()
    slow.open("s", prompt="broken")
    assert "encoding failed" in slow.run_until(wire.SessionFailed, session="s").reason


def test_a_hung_text_encoder_ends_the_process_and_sessions_waiting_for_their_initial_prompt(slow, monkeypatch):
    slow.text.allowed.release()
    opened(slow, "a")
    slow.open("b", prompt="endless")
    slow.run_until(wire.Opened, session="b")
    monkeypatch.setattr("server.model.prompt_encoder.MIN_TIMEOUT_S", 0.0)
    monkeypatch.setattr("server.model.prompt_encoder.TIMEOUT_FACTOR", 0)
    assert "text encoder" in slow.run_until(wire.Exiting).reason
    assert [message.session for message in slow.received if isinstance(message, wire.SessionFailed)] == ["b"]
    assert not slow.worker.running


def test_a_hung_prompt_change_ends_the_process_but_not_the_session(slow, monkeypatch):
    slow.text.allowed.release()
    opened(slow, "a")
    slow.change("a", prompt="endless")
    slow.run_once()
    monkeypatch.setattr("server.model.prompt_encoder.MIN_TIMEOUT_S", 0.0)
    monkeypatch.setattr("server.model.prompt_encoder.TIMEOUT_FACTOR", 0)
    slow.run_until(wire.Exiting)
    assert not any(
        isinstance(message, (wire.SessionFailed, wire.ChangeAcknowledged, wire.ChangeRejected))
        for message in slow.received
    )


def test_a_paused_session_keeps_its_prompt_encoded(slow):
    slow.text.allowed.release(100)
    opened(slow, "s")
    slow.change("s", paused=True, prompt="b")
    slow.run_until(wire.ChangeAcknowledged)
    for number in range(2 * MAX_PROMPTS):
        slow.worker.encoder.prompts.encode(f"another's {number}")
    slow.run_until(wire.ChangeAcknowledged, request=slow.change("s", paused=False))
    slow.put_block("s")
    slow.run_until(wire.BlockDone)
    assert slow.text.encoded.count("b") == 1
