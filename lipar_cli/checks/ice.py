"""The configured STUN and TURN servers: whether UDP reaches them, and whether the TURN login works."""

import asyncio
from typing import Any

from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target
from server.ice import IceServer, ice_servers

TIMEOUT_S = 5.0
USER = "doctor"  # in the TURN server's log


def check_udp_reachability(target: Target) -> Result:
    """A STUN binding request to each server that speaks UDP."""
    servers = [server for server in ice_servers(target.settings, USER) if _speaks_udp(server.url)]
    if not servers:
        return judge_without_stun(target)
    seen = {server.url: asyncio.run(public_addresses(server)) for server in servers}
    return judge_stun(seen)


def judge_without_stun(target: Target) -> Result:
    settings = target.settings
    if settings.loopback:
        return ok("only this machine can connect: no STUN server is needed")
    if settings.public_ip:
        return ok(f"candidates name {settings.public_ip}; whether the firewall lets UDP in cannot be seen from here")
    return warn(
        "no STUN or TURN server over UDP is configured: not tested",
        "behind NAT set LIPAR_PUBLIC_IP or LIPAR_ICE_SERVERS (docs/deployment.md); in a local network ignore this",
    )


def judge_stun(seen: dict[str, list[str]]) -> Result:
    silent = [url for url, addresses in seen.items() if not addresses]
    if silent:
        return fail(
            f"no STUN response from {', '.join(silent)} within {TIMEOUT_S:.0f} s",
            "check the address and the firewall: UDP to it, and the responses, must pass",
        )
    views = ", ".join(f"{', '.join(addresses)} by {url}" for url, addresses in seen.items())
    return ok(f"this machine is seen as {views}")


def check_turn_login(target: Target) -> Result:
    servers = [server for server in ice_servers(target.settings, USER) if server.url.startswith("turn")]
    if not servers:
        return ok("no TURN server is configured")
    return judge_turn({server.url: asyncio.run(allocation_error(server)) for server in servers})


def judge_turn(errors: dict[str, str | None]) -> Result:
    failed = [f"{url}: {error}" for url, error in errors.items() if error is not None]
    if failed:
        return fail("; ".join(failed), "compare LIPAR_TURN_SECRET (or LIPAR_ICE_USERNAME) with the TURN server's")
    return ok(f"relay address allocated by {', '.join(errors)}")


async def public_addresses(server: IceServer) -> list[str]:
    """The addresses that the server sees this machine at; empty if it does not respond."""
    from aioice import Connection
    from aiortc import RTCIceServer
    from aiortc.rtcicetransport import connection_kwargs

    host = server.url.partition(":")[2].partition("?")[0]
    stun_server = connection_kwargs([RTCIceServer(urls=f"stun:{host}")])["stun_server"]
    connection = Connection(ice_controlling=True, stun_server=stun_server)
    try:
        await connection.gather_candidates()
        return sorted({candidate.host for candidate in connection.local_candidates if candidate.type == "srflx"})
    finally:
        await connection.close()


async def allocation_error(server: IceServer) -> str | None:
    """Allocate a relay address; returns why that failed, or None."""
    from aioice.stun import TransactionError
    from aioice.turn import create_turn_endpoint
    from aiortc import RTCIceServer
    from aiortc.rtcicetransport import connection_kwargs

    try:
        arguments: dict[str, Any] = connection_kwargs(
            [RTCIceServer(urls=server.url, username=server.username, credential=server.credential)]
        )
        if "turn_server" not in arguments:
            return "aiortc does not support this kind of URL"
        endpoint = create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=arguments["turn_server"],
            username=arguments["turn_username"],
            password=arguments["turn_password"],
            ssl=arguments["turn_ssl"],
            transport=arguments["turn_transport"],
        )
        transport, _ = await asyncio.wait_for(endpoint, TIMEOUT_S)
    except TimeoutError:
        return f"no response within {TIMEOUT_S:.0f} s"
    except (TransactionError, OSError, ValueError) as error:
        return str(error) or type(error).__name__
    transport.close()
    return None


def _speaks_udp(url: str) -> bool:
    return url.startswith("stun:") or (url.startswith("turn:") and "transport=tcp" not in url)
