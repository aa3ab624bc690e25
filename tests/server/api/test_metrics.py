"""GET /metrics: what a Prometheus scrapes."""

import re
from collections.abc import AsyncIterator, Iterable

import httpx2
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from harness.local import ROOT
from lipar_core.presets import load_preset
from server.api.app import create_app
from server.control.registry import SessionRegistry
from server.settings import Settings
from tests.server.api.app_client import ADMIN, EDITOR, VIEW, client_of
from tests.server.bundle import write_bundle
from tests.server.control.fake_peer import GOOD, install_fakes

METRICS = "metrics-secret"
SETTINGS = {"token": ADMIN, "editor_token": EDITOR, "view_token": VIEW, "metrics_token": METRICS}


@pytest.fixture
async def client(tmp_path, monkeypatch) -> AsyncIterator[httpx2.AsyncClient]:
    install_fakes(monkeypatch)
    preset = str(write_bundle(tmp_path))
    app = create_app(settings := Settings(preset=preset, **SETTINGS))
    app.state.sessions = SessionRegistry(settings, load_preset(preset), print)
    async with client_of(app) as client:
        client.sessions = app.state.sessions
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def scrape(client: httpx2.AsyncClient) -> dict[str, Metric]:
    reply = await client.get("/metrics", headers=bearer(METRICS))
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/plain; version=")
    return {metric.name: metric for metric in text_string_to_metric_families(reply.text)}


def value(metrics: dict[str, Metric], sample_name: str, **labels: str) -> float:
    samples = [sample for metric in metrics.values() for sample in metric.samples if sample.name == sample_name]
    (found,) = [sample.value for sample in samples if sample.labels == labels]
    return found


def label_values(metrics: Iterable[Metric]) -> set[str]:
    return {text for metric in metrics for sample in metric.samples for text in sample.labels.values()}


async def test_the_token_of_the_metrics_grants_nothing_else(client):
    assert (await client.get("/metrics", headers=bearer(ADMIN))).status_code == 200
    for token in (EDITOR, VIEW):
        assert (await client.get("/metrics", headers=bearer(token))).status_code == 403
    assert (await client.get("/metrics")).status_code == 401
    for path in ("/api/v1/sessions", "/api/v1/preset", "/api/v1/schema"):
        assert (await client.get(path, headers=bearer(METRICS))).status_code == 401
    access = await client.get("/api/v1/access", headers=bearer(METRICS))
    assert access.json()["role"] == "none"


async def test_counters_of_sessions_are_summed_and_never_decrease(client):
    first, _ = await client.sessions.create(GOOD, {})
    second, _ = await client.sessions.create(GOOD, {})
    for handle, blocks in ((first, 5), (second, 7)):
        handle.frames.counters.blocks += blocks
        handle.frames.counters.block_s.observe(0.04)
        handle.frames.counters.latency.add("model", 0.5)
    before = await scrape(client)
    await client.sessions.close(first.id)
    second.fail("a test")
    after = await scrape(client)
    for metrics in (before, after):
        assert value(metrics, "lipar_session_blocks_total") == 12
        assert value(metrics, "lipar_block_seconds_count") == 2
        assert value(metrics, "lipar_block_seconds_bucket", le="0.03") == 0
        assert value(metrics, "lipar_block_seconds_bucket", le="0.05") == 2
        assert value(metrics, "lipar_latency_seconds_sum", stage="model") == 1.0
    assert value(before, "lipar_sessions", state="connecting") == 2
    assert value(after, "lipar_sessions", state="failed") == 1
    assert value(after, "lipar_sessions_ended_total") == 1
    second.frames.counters.blocks += 1
    assert value(await scrape(client), "lipar_session_blocks_total") == 13


async def test_a_displaced_session_is_counted_until_and_after_it_is_closed(client):
    for _ in range(2):
        handle, _ = await client.sessions.create(GOOD, {})
        handle.frames.counters.sent += 10
    await handle.park()
    await client.sessions.create(GOOD, {})  # takes the parked one's slot
    assert value(await scrape(client), "lipar_session_sent_total") == 20
    await client.sessions.tasks.finish()
    assert value(await scrape(client), "lipar_session_sent_total") == 20


async def test_no_label_names_a_session_or_a_secret(client):
    names = set()
    for _ in range(3):
        handle, _ = await client.sessions.create(GOOD, {"prompt": "a secret prompt"})
        names |= {handle.id, handle.token, handle.view_token}
        found = (await scrape(client)).values()
        assert not names & label_values(found)
        count = sum(len(metric.samples) for metric in found)
        await client.sessions.close(handle.id)
        assert sum(len(metric.samples) for metric in (await scrape(client)).values()) == count
    text = (await client.get("/metrics", headers=bearer(METRICS))).text
    assert not [secret for secret in (*names, ADMIN, EDITOR, VIEW, METRICS, "secret prompt") if secret in text]


async def test_openmetrics_is_sent_on_request(client):
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    reply = await client.get("/metrics", headers=bearer(ADMIN) | accept)
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    assert {metric.name for metric in openmetrics.text_string_to_metric_families(reply.text)} >= {"lipar_sessions"}


async def test_the_reference_names_every_metric(client):
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(lipar_\w+)` \|", reference, re.MULTILINE))
    exported = {metric for metric in await scrape(client) if metric.startswith("lipar_")}
    counters = {name for name, metric in (await scrape(client)).items() if metric.type == "counter"}
    assert documented == {f"{name}_total" if name in counters else name for name in exported}
