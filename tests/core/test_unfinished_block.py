"""Frames are returned before their block's clean pass; when that runs changes nothing."""

import pytest
import torch

from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from tests.tiny import moving_square, tiny_models

MODELS = tiny_models()
CLIP = moving_square(60)
SETTINGS = Parameters(prompt="a pencil sketch", pruning=Pruning(tau=0.4, tau2=0.8))
CHANGES: dict[str, dict[str, object]] = {
    "none": {},
    "another prompt, recached": {"prompt": "no change", "transition": {"mode": "recache"}},
    "another prompt, blended": {"prompt": "no change", "transition": {"mode": "blend", "blocks": 2}},
    "another prompt, cut": {"prompt": "no change", "transition": {"mode": "cut"}},
    "other steps": {"strength": 0.2},
    "reset": {"reset": True},
    "no recovery": {"pruning": {"recovery": False}},
}


def push_block(session: EditSession[int], start: int):
    return session.push(CLIP[start : start + 12], range(start, start + 12))


@pytest.mark.parametrize("change", CHANGES)
def test_the_output_does_not_depend_on_when_blocks_are_finished(change):
    lazy, eager = EditSession(MODELS, SETTINGS), EditSession(MODELS, SETTINGS)
    for start in range(0, 60, 12):
        if start == 24:
            lazy.update(CHANGES[change])
            eager.update(CHANGES[change])
        assert torch.equal(push_block(lazy, start).frames, push_block(eager, start).frames)
        eager.finish_block()
    assert torch.equal(lazy.flush().frames, eager.flush().frames)


def test_push_returns_before_the_clean_pass():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    push_block(session, 0)
    assert session.passes.cache.frames == 0
    session.finish_block()
    session.finish_block()  # nothing is left to do
    assert session.passes.cache.frames == 3
    push_block(session, 12)
    push_block(session, 24)  # finishes the one before
    assert session.passes.cache.frames == 6


def test_a_flush_needs_no_clean_pass_of_the_last_block():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    push_block(session, 0)
    session.flush()
    assert session.state.unfinished is None
    assert session.passes.cache.frames == 0


def test_a_block_reports_the_clean_pass_of_the_one_before():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    first, second = (push_block(session, start).blocks[0].stage_ms["clean"] for start in (0, 12))
    assert first == 0 < second
