"""The video formats of an SDP section, and which of them this server can use."""

import base64
import binascii
from dataclasses import dataclass

from server.media.h264 import h264_encoder
from server.media.sdp_section import Section

DECODED = {"H264", "VP8", "VP9", "H265", "AV1"}
SENT = {"H264", "VP8"}
REPAIR = {"RTX", "RED", "ULPFEC", "FLEXFEC-03"}  # no pictures of their own
NAMES = {"H264": "H.264", "H265": "H.265", "HEVC": "H.265"}
INTERLEAVED = "2"  # of H.264's packetization modes; NAL units come in another order
NEGOTIATED = ("profile-level-id", "packetization-mode", "level-asymmetry-allowed")  # of H.264; the rest is the sender's
START_CODE = b"\0\0\0\1"


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A payload type and what it stands for."""

    payload_type: str
    name: str  # as registered, in capitals
    parameters: dict[str, str]

    @property
    def mode(self) -> str:
        """H.264's packetization mode."""
        return self.parameters.get("packetization-mode", "0")

    @property
    def parameter_sets(self) -> bytes:
        """H.264's that the SDP has, as a decoder takes them; what cannot be read is left out."""
        sets = b""
        for text in self.parameters.get("sprop-parameter-sets", "").split(","):
            try:
                unit = base64.b64decode(text.strip(), validate=True)
            except binascii.Error:
                continue
            sets += START_CODE + unit if unit else b""
        return sets

    def __str__(self) -> str:
        name = NAMES.get(self.name, self.name)
        return f"{name} (packetization-mode={self.mode})" if self.name == "H264" else name


def offered_formats(section: Section) -> list[VideoFormat]:
    """In the order of the `m=` line."""
    names = dict(_split(line) for line in section.values("rtpmap"))
    parameters = dict(_split(line) for line in section.values("fmtp"))
    return [
        VideoFormat(one, names[one].partition("/")[0].strip().upper(), _parameters(parameters.get(one, "")))
        for one in dict.fromkeys(section.formats)
        if one in names
    ]


def usable_formats(formats: list[VideoFormat], *, sends: bool) -> list[VideoFormat]:
    """What a connection may use, best first: one format of H.264, VP8, and where there is neither, another.

    `sends`: video goes out too, in the same formats. H.264 stands first: ours is encoded once for all who watch, and
    its rate changes without a keyframe. A decoder of any H.264 profile takes ours, which is Constrained Baseline.
    """
    h264 = [one for one in formats if one.name == "H264" and one.mode != INTERLEAVED]
    h264.sort(key=lambda one: one.mode, reverse=True)
    if sends:  # in mode 0 a NAL unit has to fit a packet: ours do not
        h264 = [one for one in h264 if one.mode == "1" and h264_encoder()]
    best = [*h264[:1], *[one for one in formats if one.name == "VP8"][:1]]
    if best or sends:
        return best
    return [one for one in formats if one.name in DECODED - SENT][:1]


def repair_formats(formats: list[VideoFormat], used: list[VideoFormat]) -> list[str]:
    """Payload types of the retransmissions of those that are used."""
    kept = {one.payload_type for one in used}
    return [one.payload_type for one in formats if one.name == "RTX" and one.parameters.get("apt") in kept]


def refusal(formats: list[VideoFormat], *, sends: bool) -> str:
    """Why no format can be used, and what to choose instead."""
    offered = list(dict.fromkeys(str(one) for one in formats if one.name not in REPAIR)) or ["nothing that has a name"]
    ours = "sends H.264 (packetization-mode=1) and VP8" if sends else "takes H.264, VP8, VP9, H.265 and AV1"
    return f"the offer's video is {', '.join(offered)}; this server {ours}: choose H.264 or VP8 in the client"


def _parameters(text: str) -> dict[str, str]:
    """Of an fmtp line, with spaces where they should not be, too."""
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _split(value: str) -> tuple[str, str]:
    payload_type, _, rest = value.strip().partition(" ")
    return payload_type, rest.strip()
