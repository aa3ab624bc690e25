"""Which worker a new session gets."""

import pytest

from server.errors import Unavailable
from server.settings import Settings
from server.workers.placement import place
from server.workers.pool import model_options
from server.workers.status import WorkerState, WorkerStatus


def workers(*known: tuple[WorkerState, str, int]) -> list[WorkerStatus]:
    """From state, reason and number of sessions of each."""
    return [
        WorkerStatus(index=index, device=f"cuda:{index}", state=state, reason=reason, sessions=sessions)
        for index, (state, reason, sessions) in enumerate(known)
    ]


def ready(*sessions: int) -> list[WorkerStatus]:
    return workers(*(("ready", "", count) for count in sessions))


def test_the_worker_with_the_fewest_sessions_of_several_the_first():
    assert place(ready(0)) == 0
    assert place(ready(1, 0)) == 1
    assert place(ready(2, 1, 1)) == 1


@pytest.mark.parametrize("other", [("loading", "loading", 0), ("failed", "no weights", 0), ("ready", "congested", 0)])
def test_one_that_takes_none_is_left_out(other):
    assert place(workers(other, ("ready", "", 5))) == 1


FAILED, LOADING, CONGESTED = ("failed", "no weights", 0), ("loading", "the model is loading", 0), ("ready", "full", 1)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ((FAILED,), "no weights"),
        ((FAILED, FAILED), "cuda:0: no weights"),
        ((FAILED, LOADING), "cuda:1: the model is loading"),
        ((FAILED, LOADING, CONGESTED), "cuda:2: full"),
    ],
)
def test_where_none_takes_one_the_reason_is_of_the_one_that_may_soonest(known, reason):
    with pytest.raises(Unavailable) as unavailable:
        place(workers(*known))
    assert str(unavailable.value) == reason


def test_the_settings_of_the_model_reach_every_process():
    settings = Settings(preset="wan-1.3b", devices=("cuda:0", "cuda:1"), dtype="float16", text_dtype="int8")
    options = model_options(settings, "cuda")
    assert [(option.device, option.dtype, option.text_dtype) for option in options] == [
        ("cuda:0", "float16", "int8"),
        ("cuda:1", "float16", "int8"),
    ]
