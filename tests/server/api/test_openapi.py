"""Responses of the API conform to its OpenAPI document, by schemathesis."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.local import ROOT, free_port
from server.settings import Settings
from tests.server.api.openapi_hooks import LIVE
from tests.server.bundle import write_bundle
from tests.server.live import RunningServer, Viewer

FOREVER_S = 3600.0
TOKEN = "an-administrators-token-of-a-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_bundle(tmp_path_factory.mktemp("preset"))
    settings = Settings(port=free_port(), preset=str(preset), threads=1, max_sessions=3, grace_s=1.0, token=TOKEN)
    with RunningServer(settings) as running:
        yield running


async def run(server: RunningServer, folder: Path, *flags: str) -> None:
    """Run schemathesis while a session is live; the assertion shows its findings."""
    async with server.ready() as client:
        viewer, other = Viewer(client), Viewer(client)
        body = {"sdp": await viewer.offer(), "type": "offer", "name": LIVE}
        created = await client.post("/api/v1/sessions", json=body, headers=BEARER)
        assert created.status_code == 201, created.text
        handle = server.app.state.sessions.get(LIVE)
        handle.settings = Settings(setup_timeout_s=FOREVER_S, silence_timeout_s=FOREVER_S)  # nobody connects
        handle.frames.has_output = True
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "tests.server.api.openapi_hooks",
            "LIPAR_TEST_OFFER": await other.offer(),
            "PYTHONPATH": str(ROOT),
        }
        st = Path(sys.executable).with_name("schemathesis")
        config = ROOT / "tests" / "server" / "api" / "schemathesis.toml"
        command = [st, "--config-file", config, "run", f"{server.url}/openapi.json", "--no-color", *flags]
        command += ["--header", f"Authorization: {BEARER['Authorization']}", "--checks", ",".join(CHECKS)]
        done = await asyncio.to_thread(
            subprocess.run,
            list(map(str, command)),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        await viewer.close()
        await other.close()
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.app.state.sessions.pool.workers[0].starts == 1, "the model process has ended"


async def test_responses_conform_to_the_openapi_document(server, tmp_path):
    await run(server, tmp_path, "--max-examples", "10", "--seed", "1", "--phases", "examples,coverage,fuzzing")


@pytest.mark.soak
async def test_responses_conform_to_the_openapi_document_for_minutes(server, tmp_path):
    await run(server, tmp_path, "--max-time", "300", "--phases", "examples,coverage,fuzzing,stateful")
