"""Acknowledgements and a session's parameters are consistent."""

import pytest

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import ParameterError
from lipar_core.parameter_changes import merge
from lipar_core.parameters import Parameters
from server import wire
from server.control.live_parameters import LiveParameters
from server.errors import Unavailable
from server.media.counters import SessionCounters


class Model:
    """Where changes are sent; there or not."""

    def __init__(self) -> None:
        self.there, self.sent = True, []

    def send(self, request, changes) -> bool:
        self.sent += [(request, changes)] if self.there else []
        return self.there


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def changes(model):
    changes = LiveParameters(Parameters(prompt="a"), model.send, SessionCounters())
    changes.opened = True
    return changes


def changed(request: int, **parameters: object) -> wire.ChangeAcknowledged:
    acknowledgement = Acknowledgement(block=7, parameters=merge(Parameters(prompt="a"), parameters), pending=False)
    return wire.ChangeAcknowledged(session="s", request=request, acknowledgement=acknowledgement)


async def test_a_change_applies_when_acknowledged(changes):
    answer = changes.request({"prompt": "b"})
    assert changes.parameters.prompt == "a"
    changes.change_acknowledged(changed(0, prompt="b"))
    assert changes.parameters.prompt == "b"
    assert (await answer).block == 7


async def test_a_change_lost_with_the_model_process_is_rejected_without_effect(changes, model):
    first, second = changes.request({"prompt": "b"}), changes.request({"seed": 5})
    changes.change_acknowledged(changed(0, prompt="b"))
    changes.reject_all("the model process ended unexpectedly")
    assert (await first).parameters == Parameters(prompt="b")
    with pytest.raises(Unavailable, match="not applied"):
        await second
    assert (changes.parameters.prompt, changes.parameters.seed) == ("b", 0)
    model.there, changes.opened = False, True
    with pytest.raises(Unavailable):
        changes.request({"seed": 6})
    assert changes.parameters.seed == 0


async def test_a_change_rejected_by_the_model_has_no_effect(changes):
    answer = changes.request({"seed": 5})
    changes.change_rejected(wire.ChangeRejected(session="s", request=0, path="seed", value=5, allowed="must be 1"))
    with pytest.raises(ParameterError, match="must be 1"):
        await answer
    assert changes.parameters.seed == 0


async def test_a_change_is_validated_with_the_changes_in_flight(changes):
    changes.request({"strength": 0.5})
    changes.request({"denoising_steps": [400, 200]})
    assert changes.check({"seed": 1}).strength is None
    with pytest.raises(ParameterError, match="prompt"):
        changes.request({"prompt": " "})


async def test_a_cancelled_request_is_ignored(changes):
    changes.request({"seed": 5}).cancel()
    changes.change_acknowledged(changed(0, seed=5))
    assert changes.parameters.seed == 5
    changes.request({"seed": 6}).cancel()
    changes.reject_all("gone")


async def test_a_change_before_the_session_is_open_applies_from_its_first_block(changes, model):
    changes.opened = False
    answer = await changes.request({"prompt": "b"})
    assert (answer.block, answer.pending, changes.parameters.prompt) == (0, True, "b")
    assert model.sent == []
