"""coturn on the loopback address, for tests of relayed connections."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.local import free_port

SECRET = "shared-with-coturn"
TIMEOUT_S = 60.0


@contextmanager
def running_coturn(program: Path, folder: Path) -> Iterator[str]:
    """Run coturn with `SECRET` as its static-auth-secret; gives its URL."""
    port = free_port()
    flags = [
        *("-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers", "--listening-ip=127.0.0.1"),
        *("--relay-ip=127.0.0.1", f"--listening-port={port}", "--realm=test", "--use-auth-secret"),
        *(f"--static-auth-secret={SECRET}", f"--pidfile={folder / 'pid'}", "--log-file=stdout", "--simple-log"),
    ]
    process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        _wait_until_listening(port)
        yield f"turn:127.0.0.1:{port}?transport=udp"
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def _wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "coturn does not listen"
        time.sleep(0.05)
