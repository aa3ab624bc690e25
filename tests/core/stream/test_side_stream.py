"""The clean pass beside the next block: what waits for it, and what does not."""

import dataclasses

import pytest
import torch

from lipar_core.kernels.side_stream import SideStream
from lipar_core.models.reuse_pool import ReusePool
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from tests.core.kernels.recorded_streams import RecordedStreams
from tests.tiny import moving_square, tiny_models

MODELS = tiny_models()
BLOCK = MODELS.preset.stream.frames_per_block
CHANGES = {
    2: {"prompt": "neon"},  # with clean passes over the cached frames
    3: {"prompt": "oil", "transition": {"mode": "blend", "blocks": 2}},
    5: {"strength": 0.3},
    6: {"region": {"box": [0, 0, 0.3, 0.5]}},
    7: {"region": {"box": None}, "pruning": {"detector": "lipar"}},
    8: {"reset": True},
}


def run(side: SideStream, *, sessions: int = 1, blocks: int = 9) -> None:
    """Sessions that take turns; several are closed after half of the blocks, for others."""
    models = dataclasses.replace(MODELS, side=side, pool=ReusePool())

    def new() -> EditSession[int]:
        pruning = Pruning(detector="anchor", threshold=20)
        return EditSession(models, Parameters(prompt="a", pruning=pruning), buckets=[36])

    open_sessions = [new() for _ in range(sessions)]
    for number, clip in enumerate(moving_square(blocks * BLOCK).split(BLOCK)):
        for i, session in enumerate(open_sessions):
            session.update(CHANGES.get(number, {}))
            session.push(clip, range(BLOCK))
            session.finish_block()
            if sessions > 1 and number == blocks // 2:
                session.close()
                open_sessions[i] = new()
    side.join()


@pytest.mark.parametrize(("sessions", "blocks"), [(1, 9), (2, 3)])
def test_nothing_runs_before_what_it_depends_on(sessions, blocks):
    """Over changes of all kinds, resets, and sessions that take over storage."""
    with RecordedStreams() as streams:
        run(SideStream(streams), sessions=sessions, blocks=blocks)
    assert streams.races == []
    assert "aten.addmm" in streams.on_side


def test_the_stand_in_finds_a_missing_wait():
    with RecordedStreams() as streams:
        side = SideStream(streams)
        side.join = lambda: None
        run(side, blocks=2)
    assert streams.races != []


def queue_copy(side: SideStream, values: torch.Tensor, *, is_held: bool) -> None:
    """Afterwards nothing else holds the values."""
    side.run(lambda: torch.ones(3).copy_(values), values if is_held else None)


@pytest.mark.parametrize("is_held", [True, False])
def test_memory_in_use_is_held_until_the_work_is_waited_for(is_held):
    with RecordedStreams() as streams:
        side = SideStream(streams)
        queue_copy(side, torch.ones(3), is_held=is_held)
        assert (streams.races == []) is is_held
        side.join()
    assert (streams.races == []) is is_held


def test_the_next_block_is_encoded_beside_the_clean_pass():
    """Its convolutions do not wait for it; its transformer does."""
    models, waits = dataclasses.replace(MODELS, pool=ReusePool()), {}
    with RecordedStreams() as streams:
        models = dataclasses.replace(models, side=SideStream(streams))
        session: EditSession[int] = EditSession(models)
        for name, module in (("encoder", models.codec.encoder[0]), ("transformer", models.dit.head)):
            module.register_forward_hook(lambda *_, name=name: waits.update({name: dict(streams.main.waited)}))
        for clip in moving_square(3 * BLOCK).split(BLOCK):
            before = sum(streams.main.waited.values())
            session.push(clip, range(BLOCK))
            session.finish_block()
    assert sum(waits["encoder"].values()) == before
    assert sum(waits["transformer"].values()) > before
