"""Sessions over bandwidth-limited links: veth and token buckets in network namespaces."""

from pathlib import Path

import pytest

from harness.barcode import Measurement, page_inside, start_session
from harness.echo_process import echo
from harness.namespaces import unsupported_reason, veth_link

MIN_FPS = 20 / 3  # the target is 20
P95_MS = 3 * 250.0
FREEZE_MS = 3 * 500.0


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> None:
    if reason := unsupported_reason():
        pytest.skip(reason)


def measure_over(chromium: Path, rates: list[int], settle_s: float, seconds: float) -> list[Measurement]:
    """A page and its server over a link with these bandwidths, bit/s per direction, one after the other."""
    measured = []
    with veth_link() as link:
        link.limit(link.server, rates[0])
        link.limit(link.client, rates[0])
        with echo(**link.at_server) as server, page_inside(chromium, link) as screen:
            start_session(screen, server.address)
            for rate in rates:
                link.limit(link.server, rate)
                link.limit(link.client, rate)
                screen.wait_for_timeout(settle_s * 1000)
                measured.append(Measurement(screen, server, seconds))
    return measured


def assert_moves(measured: Measurement) -> None:
    assert measured.fps > MIN_FPS, measured
    assert measured.gaps_ms.max() < FREEZE_MS, measured
    assert sorted(measured.latency_ms)[int(0.95 * len(measured.latency_ms))] < P95_MS, measured
    assert measured.status["state"] == "live"


def test_video_keeps_moving_over_a_bandwidth_limited_link(chromium: Path) -> None:
    (measured,) = measure_over(chromium, [1_200_000], settle_s=3.0, seconds=4.0)
    assert_moves(measured)


@pytest.mark.soak
def test_bitrate_follows_bandwidth_that_drops_and_recovers(chromium: Path) -> None:
    for measured in measure_over(chromium, [5_000_000, 800_000, 5_000_000], settle_s=10.0, seconds=10.0):
        assert_moves(measured)
