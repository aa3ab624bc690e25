"""RTCPeerConnections with the server's STUN and TURN servers."""

import logging

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

from server.ice import IceServer

log = logging.getLogger(__name__)


def open_connection(servers: list[IceServer]) -> RTCPeerConnection:
    """A new connection. The list is explicit even if it is empty: aiortc's default is a public STUN server."""
    ice_servers = [
        RTCIceServer(urls=server.url, username=server.username, credential=server.credential) for server in servers
    ]
    return RTCPeerConnection(RTCConfiguration(iceServers=ice_servers))


def check_relays(servers: list[IceServer], answer: str) -> None:
    """Warn if an answer has no candidate of a configured TURN server."""
    relays = [server.url for server in servers if server.url.startswith("turn")]
    if relays and "typ relay" not in answer:
        log.warning(
            "no relay candidate from %s: check that it runs and that its credentials are right", ", ".join(relays)
        )
