"""The offer/answer exchange of a connection."""

from aiortc import RTCPeerConnection, RTCSessionDescription

from server.errors import NoCodec


async def negotiate(pc: RTCPeerConnection, offer: str) -> str:
    """Set the remote and the local description; returns aiortc's answer. Raises `NoCodec`."""
    try:
        await pc.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
    except Exception as error:  # aiortc raises many types on offers that it cannot use
        raise NoCodec(f"the offer cannot be used ({type(error).__name__}: {error})") from error
    try:
        await pc.setLocalDescription(await pc.createAnswer())
    except Exception as error:  # no codec in common, no direction in common
        raise NoCodec(f"the offer cannot be answered ({type(error).__name__}: {error})") from error
    return pc.localDescription.sdp
