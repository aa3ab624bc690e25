"""The TCP port of the page and the API."""

import socket


def bind_tcp(host: str, port: int) -> socket.socket:
    """A bound socket, not listening yet; raises `OSError` if the address cannot be used."""
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
