"""A network of its own for a test: two namespaces, a wire between them, and a limit on what the wire carries."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

QUEUE_MS = 200  # of a limited wire, as a home router's may be


def why_not() -> str | None:
    """Why no namespace can be made here; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return "ip and tc (iproute2) are not installed"
    made = subprocess.run(["ip", "netns", "add", name := _name()], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"ip netns add: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return None


class Wire:
    """Between `server` and `client`, names of namespaces."""

    server_address = "10.77.0.1"
    client_address = "10.77.0.2"

    def __init__(self) -> None:
        self.server = _name()
        self.client = _name()

    def limit(self, namespace: str, bits_per_s: int) -> None:
        """What this end may send, from now on (token bucket, 200 ms of queue)."""
        bucket = ["tbf", "rate", f"{bits_per_s}bit", "burst", "5000", "latency", f"{QUEUE_MS}ms"]
        command = ["ip", "netns", "exec", namespace, "tc", "qdisc", "replace", "dev", "wire", "root", *bucket]
        subprocess.run(command, check=True)

    @property
    def at_server(self) -> dict[str, Any]:
        """Where `echo` is to run its server."""
        return {"host": self.server_address, "before": ("ip", "netns", "exec", self.server)}


@contextmanager
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        for namespace in (made.server, made.client):
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        ends = ["link", "add", "wire", "netns", made.server, "type", "veth"]
        _ip(*ends, "peer", "name", "wire", "netns", made.client)
        for namespace, address in ((made.server, made.server_address), (made.client, made.client_address)):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", "wire")
            _ip("-n", namespace, "link", "set", "wire", "up")
        yield made
    finally:
        for namespace in (made.server, made.client):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _name() -> str:
    return f"lipar-{secrets.token_hex(4)}"
