"""Performance targets of the media plane: `make soak ARGS="-k media_targets"`.

Scenarios of `python -m benchmarks.transport`, which prints its measurements. They need an otherwise idle machine.
"""

import numpy as np
import pytest

from harness.barcode import HALF_SPEED, measure

pytestmark = pytest.mark.soak
FREEZE_MS = 500


@pytest.mark.parametrize(("codec", "p50", "p95", "cores"), [("H264", 60, 100, 0.25), ("VP8", 100, 150, 1.0)])
def test_latency_targets(chromium, codec, p50, p95, cores):
    measured = measure(chromium, seconds=30, codec=codec)
    assert np.percentile(measured.latency_ms, 50) <= p50, measured
    assert np.percentile(measured.latency_ms, 95) <= p95, measured
    assert measured.cores <= cores


@pytest.mark.parametrize("option", ["--loss-in", "--loss-out"])
def test_packet_loss_causes_no_freeze(chromium, option):
    measured = measure(chromium, option, "0.03", seconds=60)
    assert (measured.gaps_ms > FREEZE_MS).sum() == 0, measured


def test_latency_and_memory_stay_constant_at_half_real_time(chromium):
    measured = measure(chromium, *HALF_SPEED, seconds=60)
    early, late = (np.median(half) for half in np.array_split(measured.latency_ms, 2))
    assert late < early + 50, measured
    memory = np.array([mb for _, mb in measured.memory_mb])
    assert memory[-10:].mean() - memory[:10].mean() < 3, measured  # MB per minute
