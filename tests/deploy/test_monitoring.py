"""The profile `monitoring`: Debian's Prometheus scrapes the server in its container."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.compose import Compose
from harness.local import ROOT
from harness.namespaces import unsupported_reason, veth_link
from harness.podman import Podman
from tests.deploy.stream import TOKENS

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1800)]
IMAGE = "docker.io/prom/prometheus:v3.5.0"
SETTINGS = {
    **TOKENS,
    "LIPAR_METRICS_TOKEN": "metrics-secret",
    "LIPAR_TURN_SECRET": "turn-secret",
    "LIPAR_PRESET": "tiny",
    "LIPAR_SIZE": "256x144",
}
UP = ("--profile", "monitoring", "up", "--detach", "--no-build", "lipar", "prometheus")
TIMEOUT_S = 120
SERVER = "http://127.0.0.1:8000"
STREAM = f"import asyncio; from tests.deploy.stream import edited_blocks; asyncio.run(edited_blocks({SERVER!r}))"
DASHBOARD = ROOT / "deploy" / "grafana" / "lipar.json"
EXPRESSIONS = [
    target["expr"].replace("$__rate_interval", "1m")
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    for target in panel["targets"]
]


class Prometheus:
    def __init__(self, podman: Podman, container: str, namespace: str) -> None:
        """`namespace`: the network that it shares with the server."""
        self.podman, self.container, self.namespace = podman, container, namespace

    def publish(self) -> None:
        """Publish a stream to the server until edited frames have arrived."""
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-c", STREAM]
        subprocess.run(command, cwd=ROOT, check=True)

    def promtool(self, *arguments: str) -> str:
        return self.podman("exec", self.container, "promtool", *arguments)

    def values(self, expression: str) -> list[float]:
        """The values of an instant query, one for each series."""
        found = json.loads(self.promtool("query", "instant", "--format=json", "http://127.0.0.1:9090", expression))
        return [float(series["value"][1]) for series in found]

    def wait_for(self, expression: str, minimum: float) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if any(value >= minimum for value in self.values(expression)):
                return
            time.sleep(1)
        pytest.fail(f"{expression} is {self.values(expression)}, not {minimum} or more")


@pytest.fixture(scope="module")
def prometheus(podman: Podman, cpu_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if reason := unsupported_reason():
        pytest.fail(reason)
    folder = Path(__file__).parent
    podman.build(folder, IMAGE, "--file", str(folder / "prometheus.Dockerfile"))
    with veth_link() as link:
        compose = Compose(podman, tmp_path_factory.mktemp("monitoring"), SETTINGS, link.server)
        try:
            compose(*UP)
            yield Prometheus(podman, compose.container("prometheus"), link.server)
        finally:
            compose("--profile", "monitoring", "down")


def test_promtool_accepts_the_configuration(prometheus: Prometheus) -> None:
    assert "SUCCESS" in prometheus.promtool("check", "config", "/etc/prometheus/prometheus.yml")


def test_a_published_stream_is_counted_and_the_dashboard_shows_it(prometheus: Prometheus) -> None:
    prometheus.wait_for("lipar_worker_ready", 1)
    assert prometheus.values('up{job="lipar"}') == [1]
    prometheus.publish()
    prometheus.wait_for("rate(lipar_session_blocks_total[1m])", 0.01)
    assert [expression for expression in EXPRESSIONS if not prometheus.values(expression)] == []
