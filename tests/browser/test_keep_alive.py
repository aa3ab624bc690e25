"""Idle connections to `lipar serve`."""

import http.client
import time

import pytest

from harness.live_server import LiveServer


@pytest.mark.soak
def test_an_idle_connection_is_used_again(live_server: LiveServer) -> None:
    """Closed after uvicorn's 5 s, a request sent at that moment failed."""
    connection = http.client.HTTPConnection("127.0.0.1", live_server.port)
    for _ in range(2):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        before = connection.sock
        time.sleep(7)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    assert connection.sock is before  # it was not opened a second time
    connection.close()
