"""A bandwidth-limited link for tests: a veth pair between two network namespaces."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DEVICE = "veth0"  # in both namespaces
QUEUE_MS = 200  # queue of the limited link, typical of a home router


def unsupported_reason() -> str | None:
    """Why network namespaces cannot be created on this machine; None if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return "ip and tc (iproute2) are not installed"
    result = subprocess.run(["ip", "netns", "add", name := _name()], capture_output=True, text=True, check=False)
    if result.returncode:
        return f"ip netns add: {result.stderr.strip()}"
    _ip("netns", "delete", name)
    return None


class VethLink:
    """A link between the network namespaces `server` and `client`."""

    server_address = "10.77.0.1"
    client_address = "10.77.0.2"

    def __init__(self) -> None:
        self.server = _name()
        self.client = _name()

    def limit(self, namespace: str, bits_per_s: int) -> None:
        """Limit what this end sends (token bucket with a queue of 200 ms)."""
        bucket = ["tbf", "rate", f"{bits_per_s}bit", "burst", "5000", "latency", f"{QUEUE_MS}ms"]
        command = ["ip", "netns", "exec", namespace, "tc", "qdisc", "replace", "dev", DEVICE, "root", *bucket]
        subprocess.run(command, check=True)

    @property
    def at_server(self) -> dict[str, Any]:
        """Arguments of `echo` to run its server in the server's namespace."""
        return {"host": self.server_address, "before": ("ip", "netns", "exec", self.server)}


@contextmanager
def veth_link() -> Iterator[VethLink]:
    link = VethLink()
    try:
        for namespace in (link.server, link.client):
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        ends = ["link", "add", DEVICE, "netns", link.server, "type", "veth"]
        _ip(*ends, "peer", "name", DEVICE, "netns", link.client)
        for namespace, address in ((link.server, link.server_address), (link.client, link.client_address)):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", DEVICE)
            _ip("-n", namespace, "link", "set", DEVICE, "up")
        yield link
    finally:
        for namespace in (link.server, link.client):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _name() -> str:
    return f"lipar-{secrets.token_hex(4)}"
