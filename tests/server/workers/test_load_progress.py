"""Until the model is ready, the worker's status says what loading does."""

import itertools
import multiprocessing

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.start_up import verify_each
from lipar_core.load_progress import load_progress_to
from server import wire
from server.media.counters import ProcessCounters
from server.model.load_reporter import LoadReporter
from server.settings import Settings
from server.workers.entry import main
from server.workers.pool import model_options
from server.workers.worker import Worker
from tests.core.kernels.small_shapes import small_shapes


async def test_the_reason_is_what_loading_does():
    settings = Settings()
    (options,) = model_options(settings, "cpu")
    worker = Worker(0, options, settings, main, ProcessCounters())
    worker._handle(wire.Loading(activity="converting a.pt, once: 40 %"))
    assert worker.status().reason == "the model is loading: converting a.pt, once: 40 %"
    worker._handle(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=1.0, dtype="float32"))
    assert worker.status().reason == ""


async def test_the_status_counts_the_kernels_that_are_compiled():
    """From the self-test at start-up to what the page and /readyz show."""

    def negated_reference(x):
        return -x

    kernels = [Operation(negated_reference, lambda x: 0 - x, lambda shapes: [(shapes.normal(3),)]) for _ in range(3)]
    settings = Settings()
    (options,) = model_options(settings, "cpu")
    worker = Worker(0, options, settings, main, ProcessCounters())
    ours, theirs = multiprocessing.Pipe()
    seconds = itertools.count(0.0, 2.0)
    with load_progress_to(LoadReporter(theirs, lambda: next(seconds))):
        verify_each(kernels, small_shapes())
    for number in (1, 2, 3):
        worker._handle(wire.receive_event(ours))
        assert worker.status().reason == f"the model is loading: compiling and checking kernel {number} of 3"
