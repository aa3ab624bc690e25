"""Validation of an SDP offer before a connection is created for it."""

from aiortc.sdp import SessionDescription

from server.errors import BadOffer
from server.media.audio.offer import AudioOffer
from server.media.video_offer import VideoOffer, read_video_offer


def check_offer(sdp: str, *, sends: bool, receives: bool) -> VideoOffer:
    """Raise `BadOffer` if the offer is malformed or lacks video of this direction, `NoCodec` if no codec is usable."""
    if not sdp.startswith("v="):
        raise BadOffer("the offer is not SDP: it must begin with v=0")
    sdp = AudioOffer(sdp).sdp
    offer = read_video_offer(sdp, sends=receives) if "\nm=video" in sdp else None
    try:
        media = SessionDescription.parse(sdp if offer is None else offer.sdp).media
    except Exception as error:  # aiortc's parser raises many types on malformed SDP
        raise BadOffer(f"the offer cannot be read ({type(error).__name__}: {error})") from error
    directions = {section.direction for section in media if section.kind == "video"}
    if offer is None or not directions:
        raise BadOffer("the offer has no video")
    if sends and not directions & {"sendonly", "sendrecv"}:
        raise BadOffer("the offer sends no video")
    if receives and not directions & {"recvonly", "sendrecv"}:
        raise BadOffer("the offer receives no video")
    return offer
