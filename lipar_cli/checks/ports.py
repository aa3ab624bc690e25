"""The TCP port of the page and the UDP ports of media: whether they can be bound."""

import errno
import socket

from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target
from server.listen import bind_tcp


def check_tcp_port(target: Target) -> Result:
    host, port = target.settings.host, target.settings.port
    try:
        bind_tcp(host, port).close()
    except OSError as error:
        return judge_bind_error(error, host, port)
    return ok(f"{host}:{port} is free")


def judge_bind_error(error: OSError, host: str, port: int) -> Result:
    text = f"{host}:{port}: {error.strerror or error}"
    if error.errno == errno.EADDRINUSE:
        return fail(text, "the port is in use; if not by `lipar serve`, choose another --port")
    if error.errno == errno.EACCES:
        return fail(text, "choose a port from 1024 on, or allow low ports (sysctl net.ipv4.ip_unprivileged_port_start)")
    return fail(text, "choose an address of this machine with --host; 0.0.0.0 is all of them")


def check_udp_ports(target: Target) -> Result:
    limits = target.settings.udp_range
    if limits is None:
        return ok("media uses ports of the kernel's choice (LIPAR_UDP_PORTS limits them)")
    first, last = limits
    free = sum(can_bind_udp(port) for port in range(first, last + 1))
    return judge_udp_ports(free, last - first + 1, target.settings.max_sessions)


def can_bind_udp(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def judge_udp_ports(free: int, total: int, sessions: int) -> Result:
    """A session and each viewer take one port per network interface."""
    text = f"{free} of {total} UDP ports are free"
    if free < sessions:
        return fail(f"{text}, {sessions} sessions need one each per network interface", "widen LIPAR_UDP_PORTS")
    if free < 2 * sessions:
        return warn(f"{text}: enough for {sessions} sessions on one interface without viewers", "widen LIPAR_UDP_PORTS")
    return ok(text)
