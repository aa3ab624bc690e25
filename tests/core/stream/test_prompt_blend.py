"""`transition.mode: blend`: a new prompt is reached over `transition.blocks` blocks."""

import pytest
import torch

from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from lipar_core.stream.prompt_blend import PromptBlend
from tests.tiny import moving_square, tiny_models

MODELS = tiny_models()
SIZE = MODELS.preset.stream.frames_per_block
CLIP = moving_square(SIZE * 8)
SKETCH = Parameters(prompt="a pencil sketch", pruning=Pruning(tau=0.4, tau2=0.8))
BLEND = {"prompt": "a thermal camera", "transition": {"mode": "blend", "blocks": 3}}


def test_the_context_moves_linearly_and_arrives_exactly():
    start, end = torch.zeros(2, 3), torch.tensor([[0.3, 0.1, 0.7]] * 2)
    blend = PromptBlend(start, end, 4)
    contexts = [blend.advance() for _ in range(4)]
    torch.testing.assert_close(torch.stack(contexts), torch.stack([end * step / 4 for step in (1, 2, 3, 4)]))
    assert contexts[-1].equal(end)
    assert not blend.is_active


def session_after(blocks: int) -> EditSession[int]:
    session: EditSession[int] = EditSession(MODELS, SKETCH)
    session.push(CLIP[: SIZE * blocks], range(SIZE * blocks))
    return session


def test_blocks_during_a_blend_are_computed_in_full():
    session = session_after(3)
    session.update(BLEND)
    ratios = [block.keep_ratio for block in session.push(CLIP[: SIZE * 5], range(SIZE * 5)).blocks]
    assert ratios[:3] == [1.0, 1.0, 1.0]
    assert min(ratios[3:]) < 1.0


@pytest.mark.parametrize("change", [{"reset": True}, {"transition": {"mode": "cut"}, "prompt": "neon"}])
def test_a_new_stream_does_not_continue_a_blend(change):
    session = session_after(3)
    session.update(BLEND)
    session.push(CLIP[:SIZE], range(SIZE))
    session.update(change)
    after = session.push(CLIP[: SIZE * 2], range(SIZE * 2))
    fresh: EditSession[int] = EditSession(MODELS, session.parameters)
    expected = fresh.push(CLIP[: SIZE * 2], range(SIZE * 2))
    assert after.frames[-len(expected.frames) :].equal(expected.frames)


def test_one_block_is_a_recache():
    blended, recached = session_after(3), session_after(3)
    blended.update(BLEND | {"transition": {"mode": "blend", "blocks": 1}})
    recached.update({"prompt": BLEND["prompt"]})
    for session in (blended, recached):
        session.push(CLIP[:SIZE], range(SIZE))
    ours, theirs = (session.push(CLIP[SIZE : SIZE * 3], range(SIZE * 2)).frames for session in (blended, recached))
    assert ours.equal(theirs)


def test_the_transformer_gets_each_interpolated_context(monkeypatch):
    session, read = session_after(3), list[torch.Tensor]()
    text_kv = MODELS.dit.text_kv
    monkeypatch.setattr(MODELS.dit, "text_kv", lambda context: read.append(context) or text_kv(context))
    session.update(BLEND)
    session.push(CLIP, range(len(CLIP)))
    start, end = (MODELS.prompts.encode(prompt).context for prompt in (SKETCH.prompt, BLEND["prompt"]))
    torch.testing.assert_close(torch.stack(read), torch.stack([start.lerp(end, step / 3) for step in (1, 2, 3)]))
