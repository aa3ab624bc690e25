"""Counters and histograms of sessions and of the process."""

import inspect
import logging
import re

import numpy as np
import pytest

from harness.local import ROOT
from lipar_core.parameters import Parameters
from lipar_core.presets import load_preset
from server import wire
from server.control.live_parameters import LiveParameters
from server.control.registry import SessionRegistry
from server.control.session_handle import SessionHandle
from server.errors import NoCapacity
from server.media.counters import ProcessCounters, SessionCounters
from server.media.histogram import Histogram
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.control.fake_peer import BAD, GOOD, install_fakes


def test_a_histogram_counts_by_bucket_bounds_included():
    histogram = Histogram((0.1, 0.2, 1.0))
    for value in (0.0, 0.1, 0.11, 0.2, 0.9, 5.0):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1, 1]
    assert histogram.count == 6
    assert histogram.sum == pytest.approx(6.31)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.95])
def test_quantiles_are_within_a_bucket_of_the_exact_ones(ratio):
    values = np.random.default_rng(1).gamma(2.0, 0.05, 2000)
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    exact = float(np.quantile(values, ratio))
    high = next(bound for bound in histogram.bounds if bound >= exact)
    low = max((bound for bound in histogram.bounds if bound < exact), default=0.0)
    assert low <= histogram.quantile(ratio) <= high
    assert histogram.mean() == pytest.approx(values.mean())


def test_a_quantile_above_all_bounds_is_the_highest_bound():
    histogram = Histogram((1.0, 2.0))
    histogram.observe(100.0)
    assert histogram.quantile(0.5) == 2.0


@pytest.mark.parametrize("struct", [SessionCounters, ProcessCounters])
def test_every_counter_has_only_the_declared_writer(struct):
    declared = dict(re.findall(r'^    (\w+): int = counter\(".+"\)  # (\w+)', inspect.getsource(struct), re.MULTILINE))
    assert list(declared) == list(struct().counts())
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "server").rglob("*.py")]
    prefix = "process_counters" if struct is ProcessCounters else r"(?<!process_)counters"
    for name, writer in declared.items():
        written = rf"{prefix}\.{name} \+="
        (source,) = [source for source in sources if re.search(written, source)]
        assert f"class {writer}" in source, f"{name} is written elsewhere than in {writer}"


def test_the_summary_has_what_was_counted_and_measured():
    counters = SessionCounters(received=3)
    counters.block_s.observe(0.04)
    counters.queue_s.observe(0.02)
    counters.latency.add("wait", 0.1)
    summary = counters.summary()
    assert (summary["received"], summary["latency_wait_ms"]) == (3, 100.0)
    assert (summary["block_ms"], summary["queue_ms"]) == (40.0, 20.0)
    assert "sent" not in summary
    assert 30 <= summary["block_p95_ms"] <= 50


async def test_every_change_is_counted_once():
    counters = SessionCounters()
    parameters = LiveParameters(Parameters(prompt="a"), lambda *_: True, counters)
    parameters.request({"seed": 1})  # before the session is open: it applies at once
    parameters.opened = True
    futures = [parameters.request({"seed": seed}) for seed in range(4)]
    futures[0].cancel()
    for request in (0, 0):
        parameters.change_rejected(wire.ChangeRejected(session="s", request=request, path="seed", value=0, allowed="1"))
    parameters.reject_all("the model process has ended")
    assert (counters.changes_applied, counters.changes_rejected) == (1, 4)


@pytest.fixture
async def sessions(tmp_path, monkeypatch):
    install_fakes(monkeypatch)
    preset = str(write_bundle(tmp_path))
    sessions = SessionRegistry(Settings(preset=preset, max_sessions=2, max_viewers=1), load_preset(preset), print)
    yield sessions
    await sessions.stop()


async def test_the_process_counts_how_sessions_end(sessions):
    first, _ = await sessions.create(GOOD, {})
    await sessions.create(GOOD, {}, name="second")
    with pytest.raises(NoCapacity):
        await sessions.create(GOOD, {})
    await first.park()
    await sessions.create(GOOD, {})  # takes the parked one's slot
    sessions.get("second").fail("a test")
    await sessions.close("second")
    with pytest.raises(Exception, match="nothing in common"):
        await sessions.create(BAD, {})
    assert sessions.process_counters == ProcessCounters(
        sessions_created=4,
        sessions_ended=3,
        sessions_failed=1,
        sessions_displaced=1,
        sessions_rejected=1,
    )


async def test_viewers_and_reconnects_are_counted(sessions):
    handle, _ = await sessions.create(GOOD, {})
    handle.frames.has_output = True
    await handle.watch(GOOD)
    with pytest.raises(NoCapacity):
        await handle.watch(GOOD)
    await handle.park()
    await sessions.resume(handle.id, GOOD)
    counters = handle.frames.counters
    assert (counters.viewers_joined, counters.reconnects) == (1, 1)
    assert (sessions.process_counters.viewers_joined, sessions.process_counters.viewers_rejected) == (1, 1)


async def test_the_end_of_a_session_logs_what_it_counted(sessions, caplog):
    caplog.set_level(logging.INFO)
    handle, _ = await sessions.create(GOOD, {})
    assert isinstance(handle, SessionHandle)
    await sessions.resume(handle.id, GOOD)
    await sessions.close(handle.id)
    (line,) = [line for line in caplog.messages if line.startswith(f"session {handle.id} has ended")]
    assert line.endswith("reconnects=1")
