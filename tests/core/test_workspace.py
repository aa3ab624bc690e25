"""The memory that a block needs is predicted without storage, and is what the allocator then hands out."""

from itertools import accumulate

import torch
from torch.profiler import ProfilerActivity, profile

from lipar_core.memory_plan import stream_plan
from lipar_core.models.precision import uniform
from lipar_core.presets import load_preset
from lipar_core.runtime.peak_memory import PeakMemory
from lipar_core.session import EditSession
from tests.tiny import tiny_models, tiny_preset

BLOCKS = 5  # until the cache is full


def test_memory_counts_while_it_is_in_use():
    with PeakMemory() as memory:
        a = torch.empty(1000, device="meta")
        view = a[:10].add_(1)
        b = a + a
        del a
        assert (memory.live, memory.peak) == (8000, 8000)  # of a, its view is left
        del view
        assert (memory.live, memory.peak) == (4000, 8000)
    del b
    assert memory.live == 0


def test_a_session_takes_what_is_planned():
    """By PyTorch's CPU allocator, which reports each allocation and release to the profiler."""
    models = tiny_models(tiny_preset(width=160, height=96))
    stream = models.preset.stream
    frames = torch.rand(BLOCKS, stream.frames_per_block, 3, stream.height, stream.width)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        session: EditSession[int] = EditSession(models)
        for block in frames:
            session.push(block, range(len(block)))
            session.finish_block()
    events = [event for event in recorded.profiler.kineto_results.events() if event.name() == "[memory]"]
    taken = max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))
    plan = stream_plan(models.preset, 1, models.precision, on_gpu=False)
    planned = plan.shared["workspace"] + sum(plan.per_session.values())
    assert 0.9 < taken / planned < 1.1


def test_the_large_preset_fits_its_target():
    """7.5 GB for one session on a GPU, without the text encoder."""
    preset, dtype = load_preset("wan-1.3b"), uniform(torch.bfloat16)
    graphed, eager = (stream_plan(preset, 1, dtype, on_gpu=on_gpu) for on_gpu in (True, False))
    assert eager.total < graphed.total <= 7.5e9
    assert graphed.shared.keys() - eager.shared.keys() == {"graphs"}
