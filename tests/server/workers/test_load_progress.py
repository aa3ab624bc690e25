"""Until the model is ready, the worker's status says what loading does."""

from server import wire
from server.media.counters import ProcessCounters
from server.settings import Settings
from server.workers.entry import main
from server.workers.pool import model_options
from server.workers.worker import Worker


async def test_the_reason_is_what_loading_does():
    settings = Settings()
    (options,) = model_options(settings, "cpu")
    worker = Worker(0, options, settings, main, ProcessCounters())
    worker._handle(wire.Loading(activity="converting a.pt, once: 40 %"))
    assert worker.status().reason == "the model is loading: converting a.pt, once: 40 %"
    worker._handle(wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=1.0, dtype="float32"))
    assert worker.status().reason == ""
