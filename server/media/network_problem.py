"""Which part of a WebRTC connection is not established, and why."""

from aiortc import RTCPeerConnection

from server.media.dtls import dtls_failure
from server.media.remote_candidates import RemoteCandidates


def network_problem(pc: RTCPeerConnection, candidates: RemoteCandidates) -> str | None:
    """A message on ICE or DTLS; None if both are established."""
    transport = pc.getTransceivers()[0].receiver.transport
    if failure := dtls_failure(transport):
        return f"the encryption (DTLS) could not be set up: {failure}"
    if pc.iceConnectionState != "completed":
        return f"no network route (ICE) to the remote peer was found: {candidates}"
    if transport.state not in ("connected", "closed"):
        return "the remote peer does not answer the DTLS handshake"
    return None
