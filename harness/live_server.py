"""The real server in its own process."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.local import ROOT, free_port

READY_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30


SERVE = (sys.executable, "-m", "lipar_cli.main", "serve")


class LiveServer:
    """`lipar serve` on a free port; can be killed and restarted at the same address."""

    def __init__(
        self, *flags: str, serve: Sequence[str] = SERVE, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
    ) -> None:
        """`serve`: the command, of this checkout unless given; `environment` is added to this process's."""
        self.port = free_port()
        self.command = [*serve, "--preset", "tiny", "--size", "256x144", "--port", str(self.port), *flags]
        self.cwd = cwd
        self.environment = {**os.environ, **(environment or {})}
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=self.cwd, env=self.environment)

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, "the server ended"
            if (reason := not_ready_reason(self.address)) is None:
                return
            time.sleep(0.25)
        pytest.fail(f"the server was not ready within {timeout_s:g} s: {reason}")

    def end_sessions(self) -> None:
        sessions = f"{self.address}/api/v1/sessions"
        with urllib.request.urlopen(sessions, timeout=5) as reply:
            names = [session["id"] for session in json.load(reply)]
        for name in names:
            with urllib.request.urlopen(urllib.request.Request(f"{sessions}/{name}", method="DELETE"), timeout=5):
                pass

    def kill(self) -> None:
        """Like a crash: no connection is closed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)
        self.process = None

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        assert self.process.wait(STOP_TIMEOUT_S) in (0, -signal.SIGTERM)
        self.process = None


@contextmanager
def running_server(*flags: str, **options: Any) -> Iterator[LiveServer]:
    """`options`: of `LiveServer`."""
    server = LiveServer(*flags, **options)
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def not_ready_reason(address: str) -> str | None:
    """Why no session can start now; None if one can."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5):
            return None
    except urllib.error.HTTPError as error:
        return str(json.load(error)["reason"])
    except OSError as error:  # not listening yet
        return str(error)
