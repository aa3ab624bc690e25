"""The server's metrics for Prometheus: sums over all sessions, and gauges.

No label holds a session's id, and each has few values: their number does not grow with the sessions.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

import lipar_core
from server.control.registry import SessionRegistry
from server.control.session_report import SessionState
from server.media.counters import ProcessCounters, SessionCounters
from server.media.histogram import Histogram

HISTOGRAMS = {"block_s": "lipar_block_seconds", "queue_s": "lipar_queue_seconds", "keep_ratio": "lipar_keep_ratio"}


class ServerMetrics:
    """A collector of `prometheus_client`: reads everything when it is scraped."""

    def __init__(self, sessions: SessionRegistry, now: float) -> None:
        """`now`: seconds on the monotonic clock."""
        self.sessions, self.now = sessions, now

    def collect(self) -> Iterator[Metric]:
        yield from self._gauges()
        yield from self._workers()
        total, process = self.sessions.totals.total(), self.sessions.process_counters
        yield from counter_families("lipar_", process.counts(), ProcessCounters.meanings())
        own = {name: count for name, count in total.counts().items() if name not in process.counts()}
        yield from counter_families("lipar_session_", own, SessionCounters.meanings())
        for name, metric in HISTOGRAMS.items():
            yield histogram_family(metric, SessionCounters.meanings()[name], {(): getattr(total, name)})
        stages: dict[tuple[str, ...], Histogram] = {(name,): kept for name, kept in total.latency.histograms.items()}
        yield histogram_family("lipar_latency_seconds", "latency of a frame by stage", stages, ("stage",))

    def _gauges(self) -> Iterator[Metric]:
        sessions, handles = self.sessions, self.sessions.handles.values()
        build = GaugeMetricFamily("lipar_build_info", "always 1; version and preset", labels=("version", "preset"))
        build.add_metric((lipar_core.__version__, sessions.preset.name), 1)
        yield build
        found = [handle.report.state(self.now) for handle in handles]
        states = GaugeMetricFamily("lipar_sessions", "sessions by state", labels=("state",))
        for state in get_args(SessionState):
            states.add_metric((state,), found.count(state))
        yield states
        yield GaugeMetricFamily("lipar_max_sessions", "slots for sessions", sessions.settings.max_sessions)
        yield GaugeMetricFamily("lipar_viewers", "viewers of all sessions", sum(len(one.viewers) for one in handles))

    def _workers(self) -> Iterator[Metric]:
        labels = ("worker", "device")
        ready = GaugeMetricFamily("lipar_worker_ready", "1 while the model process accepts sessions", labels=labels)
        attached = GaugeMetricFamily("lipar_worker_sessions", "sessions of the model process", labels=labels)
        for worker in self.sessions.pool.statuses():
            where = (str(worker.index), worker.device)
            ready.add_metric(where, worker.state == "ready")
            attached.add_metric(where, worker.sessions)
        yield from (ready, attached)


def counter_families(prefix: str, counts: Mapping[str, int], meanings: Mapping[str, str]) -> Iterator[Metric]:
    for name, count in counts.items():
        yield CounterMetricFamily(prefix + name, meanings[name], count)


def histogram_family(
    name: str, meaning: str, histograms: Mapping[tuple[str, ...], Histogram], labels: tuple[str, ...] = ()
) -> Metric:
    """`histograms`: by the values of the labels."""
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for values, histogram in histograms.items():
        bounds = [*(repr(bound) for bound in histogram.bounds), "+Inf"]
        family.add_metric(values, list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.sum)
    return family
