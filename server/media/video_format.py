"""The video formats of an SDP section, and which of them this server uses."""

import base64
import binascii
from dataclasses import dataclass

from server.media.h264 import h264_encoder
from server.media.sdp_section import Section

DECODED = {"H264", "VP8", "VP9", "H265", "AV1"}
SENT = {"H264", "VP8"}
REPAIR = {"RTX", "RED", "ULPFEC", "FLEXFEC-03"}  # redundancy formats, without their own video
NAMES = {"H264": "H.264", "H265": "H.265", "HEVC": "H.265"}
INTERLEAVED = "2"  # packetization-mode of H.264 in which NAL units are sent out of decoding order
NEGOTIATED = (
    "profile-level-id",
    "packetization-mode",
    "level-asymmetry-allowed",
)  # H.264; other parameters describe the sender
START_CODE = b"\0\0\0\1"


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A payload type and its codec."""

    payload_type: str
    name: str  # as registered, in capitals
    parameters: dict[str, str]

    @property
    def mode(self) -> str:
        """H.264's packetization mode."""
        return self.parameters.get("packetization-mode", "0")

    @property
    def parameter_sets(self) -> bytes:
        """H.264 parameter sets of the SDP, in Annex B format; malformed ones are omitted."""
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
        VideoFormat(
            payload_type,
            names[payload_type].partition("/")[0].strip().upper(),
            _parameters(parameters.get(payload_type, "")),
        )
        for payload_type in dict.fromkeys(section.formats)
        if payload_type in names
    ]


def usable_formats(formats: list[VideoFormat], *, sends: bool) -> list[VideoFormat]:
    """The formats to negotiate, best first: one of H.264, VP8, or one other if the offer has neither.

    `sends`: video is sent too, in the same formats. H.264 is first: it is encoded once for all viewers, and its
    bitrate changes without a keyframe. Decoders of all H.264 profiles decode ours, Constrained Baseline.
    """
    h264 = [codec for codec in formats if codec.name == "H264" and codec.mode != INTERLEAVED]
    h264.sort(key=lambda codec: codec.mode, reverse=True)
    if sends:  # in mode 0 each NAL unit must fit into one packet: ours do not
        h264 = [codec for codec in h264 if codec.mode == "1" and h264_encoder()]
    best = [*h264[:1], *[codec for codec in formats if codec.name == "VP8"][:1]]
    if best or sends:
        return best
    return [codec for codec in formats if codec.name in DECODED - SENT][:1]


def repair_formats(formats: list[VideoFormat], used: list[VideoFormat]) -> list[str]:
    """Payload types of the retransmissions (RTX) of the formats used."""
    kept = {codec.payload_type for codec in used}
    return [codec.payload_type for codec in formats if codec.name == "RTX" and codec.parameters.get("apt") in kept]


def no_codec_reason(formats: list[VideoFormat], *, sends: bool) -> str:
    """The error message if no format is usable, with what to choose instead."""
    offered = list(dict.fromkeys(str(codec) for codec in formats if codec.name not in REPAIR)) or ["no known format"]
    ours = "sends H.264 (packetization-mode=1) and VP8" if sends else "accepts H.264, VP8, VP9, H.265 and AV1"
    return f"the offer's video is {', '.join(offered)}; this server {ours}: choose H.264 or VP8 in the client"


def _parameters(text: str) -> dict[str, str]:
    """The parameters of an fmtp line; tolerates extra spaces."""
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _split(value: str) -> tuple[str, str]:
    payload_type, _, rest = value.strip().partition(" ")
    return payload_type, rest.strip()
