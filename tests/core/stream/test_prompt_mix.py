"""`prompts`: the transformer gets the weighted mean of several prompts' embeddings."""

from dataclasses import replace

import pytest
import torch

from lipar_core.errors import ParameterError
from lipar_core.models.prompts import PromptCache
from lipar_core.parameter_changes import merge, to_dict
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from tests.tiny import RandomText, moving_square, tiny_models

MODELS = tiny_models()
SIZE = MODELS.preset.stream.frames_per_block
CLIP = moving_square(SIZE * 5)
ONE = Parameters(prompt="a pencil sketch", pruning=Pruning(tau=0.4, tau2=0.8))


def mix(weight: float) -> list[dict[str, object]]:
    return [{"text": "a pencil sketch", "weight": 1 - weight}, {"text": "neon", "weight": weight}]


def edited(session: EditSession[int]) -> torch.Tensor:
    return torch.cat([session.push(CLIP, range(len(CLIP))).frames, session.flush().frames])


def test_the_context_is_the_weighted_mean(monkeypatch):
    read = list[torch.Tensor]()
    text_kv = MODELS.dit.text_kv
    monkeypatch.setattr(MODELS.dit, "text_kv", lambda context: read.append(context) or text_kv(context))
    edited(EditSession(MODELS, merge(ONE, {"prompts": mix(0.25)})))
    sketch, neon = (MODELS.prompts.encode(text).context for text in ("a pencil sketch", "neon"))
    torch.testing.assert_close(read[0], sketch.lerp(neon, 0.25))


@pytest.mark.parametrize("weights", [(0.5, 0.0), (0.1, 0.0)])
def test_a_single_weight_above_0_is_that_prompt_alone(weights):
    first, second = weights
    alone = merge(ONE, {"prompts": [{"text": ONE.prompt, "weight": first}, {"text": "neon", "weight": second}]})
    assert edited(EditSession(MODELS, alone)).equal(edited(EditSession(MODELS, ONE)))


def test_a_moving_weight_encodes_no_text_and_computes_whole_blocks():
    text = CountingText(MODELS.dit.config.text_length, MODELS.dit.config.text_dim)
    session: EditSession[int] = EditSession(replace(MODELS, prompts=PromptCache(text)), ONE)
    for block, weight in enumerate((0.0, 0.2, 0.4, 1.0)):
        session.update({"prompts": mix(weight)})
        report = session.push(CLIP[block * SIZE : (block + 1) * SIZE], range(SIZE)).blocks[0]
        assert report.keep_ratio == 1.0
    assert text.encoded == ["a pencil sketch", "neon"]


def test_cut_resets_the_stream_for_other_texts_only():
    session: EditSession[int] = EditSession(MODELS, merge(ONE, {"transition": {"mode": "cut"}}))
    session.push(CLIP[: 2 * SIZE], range(2 * SIZE))
    state = session.state
    session.update({"prompts": mix(0.2)})
    session.push(CLIP[:SIZE], range(SIZE))
    assert session.state is not state
    state = session.state
    session.update({"prompts": mix(0.3)})
    session.push(CLIP[:SIZE], range(SIZE))
    assert session.state is state


def test_prompt_and_prompts_are_one_setting():
    mixed = merge(ONE, {"prompts": mix(0.5)[::-1]})
    assert mixed.prompt == "neon"
    assert merge(ONE, to_dict(mixed)) == mixed
    assert merge(mixed, {"prompt": "b"}).prompts is None
    plain = merge(mixed, {"prompts": None})
    assert (plain.prompt, plain.prompts) == ("neon", None)
    assert merge(mixed, {"seed": 3}).prompts == mixed.prompts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompts": []}, "prompts = []: must be a list of 1 to 4 values, has 0"),
        ({"prompts": "neon"}, "prompts = 'neon': must be a list"),
        ({"prompts": mix(0.5) * 3}, "must be a list of 1 to 4 values, has 6"),
        ({"prompts": [{"text": "a", "weight": 2}]}, "prompts[0].weight = 2: must be a finite number, >= 0 and <= 1"),
        ({"prompts": [{"text": "a", "weight": 0}]}, "prompts = [0.0]: must have a weight above 0"),
        (
            {"prompts": [*mix(0.5), {"text": " ", "weight": 1}]},
            "prompts[2].text = ' ': must hold more than white space",
        ),
        ({"prompts": [{"text": "", "weight": 1}]}, "prompts[0].text = '': must be a text of 1 to 2000 characters"),
        ({"prompts": [{"text": "a", "weight": 1, "x": 1}]}, "prompts[0].x = 1: unknown; known here are text, weight"),
        ({"prompts": [{"weight": 1}]}, "prompts = [{'weight': 1}]: must have a text in each item"),
        ({"prompts": mix(0.5), "prompt": "b"}, "prompt = 'b': must be the text of prompts[0], if set with prompts"),
    ],
)
def test_malformed_prompts_are_rejected(changes, message):
    with pytest.raises(ParameterError) as rejection:
        merge(ONE, changes)
    assert message in str(rejection.value)


class CountingText(RandomText):
    def __init__(self, length: int, dim: int) -> None:
        super().__init__(length, dim)
        self.encoded: list[str] = []

    def encode(self, prompt: str) -> torch.Tensor:
        self.encoded.append(prompt)
        return super().encode(prompt)
