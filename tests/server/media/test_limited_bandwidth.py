"""Sessions over bandwidth-limited links: veth and token buckets in network namespaces of the test."""

from pathlib import Path

import pytest

from harness.barcode import Seen, begin, page_inside
from harness.echo_process import echo
from harness.namespaces import why_not, wire

MIN_FPS = 20 / 3  # the target is 20
P95_MS = 3 * 250.0
FREEZE_MS = 3 * 500.0


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> None:
    if reason := why_not():
        pytest.skip(reason)


def session_over(chromium: Path, rates: list[int], settle_s: float, seconds: float) -> list[Seen]:
    """A page and its server over a link with these bandwidths, bit/s per direction, one after the other."""
    seen = []
    with wire() as net:
        net.limit(net.server, rates[0])
        net.limit(net.client, rates[0])
        with echo(**net.at_server) as server, page_inside(chromium, net) as screen:
            begin(screen, server.address)
            for rate in rates:
                net.limit(net.server, rate)
                net.limit(net.client, rate)
                screen.wait_for_timeout(settle_s * 1000)
                seen.append(Seen(screen, server, seconds))
    return seen


def assert_moves(seen: Seen) -> None:
    assert seen.fps > MIN_FPS, seen
    assert seen.gaps_ms.max() < FREEZE_MS, seen
    assert sorted(seen.latency_ms)[int(0.95 * len(seen.latency_ms))] < P95_MS, seen
    assert seen.status["state"] == "live"


def test_video_keeps_moving_over_a_bandwidth_limited_link(chromium: Path) -> None:
    (seen,) = session_over(chromium, [1_200_000], settle_s=3.0, seconds=4.0)
    assert_moves(seen)


@pytest.mark.soak
def test_bitrate_follows_bandwidth_that_drops_and_recovers(chromium: Path) -> None:
    for seen in session_over(chromium, [5_000_000, 800_000, 5_000_000], settle_s=10.0, seconds=10.0):
        assert_moves(seen)
