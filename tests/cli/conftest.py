"""A server with the weights' files, in place of Hugging Face's."""

import os

import pytest

from lipar_cli.weights.sources import sources
from tests.cli.hub_server import Hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A server with every file; the largest has 300 kB, one the size of a page."""
    files = {"raw/taew2_1.pth": b"codec" * 5000}
    for i, source in enumerate(source for source in sources() if source.repo):
        large = source.target.endswith((".pt", ".pth"))
        files[source.origin] = bytes([65 + i]) * (300_000 if large else 100) + os.urandom(8)
    server = Hub(files)
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("LIPAR_TAEHV_URL", f"{server.url}/raw/taew2_1.pth")
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path / "weights"))
    yield server
    server.shutdown()
    server.server_close()
