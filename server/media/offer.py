"""What an SDP offer must hold before a connection is made for it."""

from aiortc.sdp import SessionDescription

from server.errors import BadOffer


def check_offer(sdp: str, *, sends: bool, takes: bool) -> None:
    """Raise `BadOffer` unless the offer can be read and has video of this direction."""
    if not sdp.startswith("v="):
        raise BadOffer("the offer is not SDP: it must begin with v=0")
    try:
        media = SessionDescription.parse(sdp).media
    except Exception as error:  # aiortc's parser fails in many ways on a malformed text
        raise BadOffer(f"the offer cannot be read ({type(error).__name__}: {error})") from error
    directions = {one.direction for one in media if one.kind == "video"}
    if not directions:
        raise BadOffer("the offer has no video")
    if sends and not directions & {"sendonly", "sendrecv"}:
        raise BadOffer("the offer sends no video")
    if takes and not directions & {"recvonly", "sendrecv"}:
        raise BadOffer("the offer takes no video")
