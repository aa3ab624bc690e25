"""The repository's root and free ports of this machine."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def free_udp_ports(count: int) -> int:
    """The first of `count` free ports in a row, below those that the system gives to others meanwhile."""
    while True:
        first = random.randrange(10_000, 32_000)
        with ExitStack() as sockets:
            try:
                for port in range(first, first + count):
                    sockets.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(("", port))
            except OSError:
                continue  # one is in use
        return first
