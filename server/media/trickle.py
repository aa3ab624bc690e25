"""Trickle ICE: candidates that follow the offer, as an SDP fragment (RFC 8840)."""

import re
from dataclasses import dataclass

from aiortc import RTCIceCandidate, RTCPeerConnection
from aiortc.sdp import SessionDescription, candidate_from_sdp

from server.errors import BadOffer

MEDIA_TYPE = "application/trickle-ice-sdpfrag"
MAX_FRAGMENT_CANDIDATES = 100  # candidates in one fragment


@dataclass(frozen=True, slots=True)
class Trickle:
    """A parsed fragment."""

    candidates: tuple[RTCIceCandidate, ...]
    ufrag: str | None

    def check(self, pc: RTCPeerConnection) -> None:
        """Raises `BadOffer` if the fragment belongs to another ICE session: aiortc does not support ICE restarts."""
        remote = SessionDescription.parse(pc.remoteDescription.sdp)
        known = {media.ice.usernameFragment for media in remote.media if media.ice is not None}
        if self.ufrag is not None and self.ufrag not in known:
            raise BadOffer("an ICE restart is not supported: create a new session")


def read_trickle(text: str) -> Trickle:
    """Raises `BadOffer` for a fragment that cannot be read."""
    candidates: list[RTCIceCandidate] = []
    mid: str | None = None
    ufrag: str | None = None
    complete = False
    for line in re.split(r"\r?\n", text):
        name, _, value = line.removeprefix("a=").partition(":")
        if not line.startswith("a="):
            continue
        if name == "mid":
            mid = value
        elif name == "ice-ufrag":
            ufrag = value
        elif name == "end-of-candidates":
            complete = True
        elif name == "candidate" and not value.strip():
            complete = True  # browsers signal end-of-candidates to a page by an empty candidate
        elif name == "candidate":
            candidates.append(read_candidate(value, mid))
    if not candidates and not complete and ufrag is None:
        raise BadOffer("the fragment names no candidate")
    if len(candidates) > MAX_FRAGMENT_CANDIDATES:
        raise BadOffer(f"the fragment names {len(candidates)} candidates: {MAX_FRAGMENT_CANDIDATES} at most")
    return Trickle(tuple(candidates), ufrag)


def read_candidate(value: str, mid: str | None) -> RTCIceCandidate:
    """Raises `BadOffer` for a malformed candidate."""
    try:
        candidate = candidate_from_sdp(value)
    except (ValueError, IndexError, AssertionError) as error:
        raise BadOffer(f"the candidate {value[:100]!r} cannot be read") from error
    candidate.sdpMid, candidate.sdpMLineIndex = mid, None if mid is not None else 0
    return candidate
