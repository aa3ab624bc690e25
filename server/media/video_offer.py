"""The video of an SDP offer: reduced to what is used and what aiortc accepts, and the answer adapted to the offer."""

from dataclasses import dataclass

from aiortc import RTCIceCandidate

from server.errors import BadOffer, NoCodec
from server.media.sdp_section import Section, join_sections, split_sections
from server.media.source_streams import SourceStreams, read_source_streams
from server.media.trickle import MAX_FRAGMENT_CANDIDATES, read_candidate
from server.media.video_format import (
    NEGOTIATED,
    VideoFormat,
    no_codec_reason,
    offered_formats,
    repair_formats,
    usable_formats,
)

AIORTC_H264 = {"level-asymmetry-allowed": "1", "packetization-mode": "1", "profile-level-id": "42e01f"}


@dataclass(frozen=True, slots=True)
class VideoOffer:
    """`sdp` holds only the formats used, H.264 with the parameters that aiortc knows, and no candidates.

    Candidates are added separately: aiortc would resolve each name before it answers.
    """

    sdp: str
    formats: tuple[VideoFormat, ...]  # best first
    candidates: tuple[RTCIceCandidate, ...]
    streams: SourceStreams

    def complete_answer(self, answer: str) -> str:
        """aiortc's answer to `sdp`, with the offered H.264 parameters in place of aiortc's own."""
        head, sections = split_sections(answer)
        for section in sections:
            if section.kind == "video":
                for codec in self.formats:
                    if codec.name == "H264":
                        agreed = {name: codec.parameters[name] for name in NEGOTIATED if name in codec.parameters}
                        _set_parameters(section, codec.payload_type, agreed)
        return join_sections(head, sections)


def read_video_offer(sdp: str, *, sends: bool) -> VideoOffer:
    """`sends`: video is sent to the offerer. Raises `NoCodec` or `BadOffer`."""
    try:
        head, sections = split_sections(sdp)
    except ValueError as error:
        raise BadOffer(f"the offer cannot be read: {error}") from error
    candidates = [candidate for section in sections for candidate in _take_candidates(section)]
    if len(candidates) > MAX_FRAGMENT_CANDIDATES:
        raise BadOffer(f"the offer names {len(candidates)} candidates: {MAX_FRAGMENT_CANDIDATES} at most")
    used: list[VideoFormat] = []
    streams = SourceStreams()
    for i, section in enumerate(section for section in sections if section.kind == "video"):
        formats = offered_formats(section)
        usable = usable_formats(formats, sends=sends)
        if i == 0:
            if not usable:
                raise NoCodec(no_codec_reason(formats, sends=sends))
            used, streams = usable, read_source_streams(section)
        _keep_formats(section, formats, usable)
    head = [line for line in head if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return VideoOffer(join_sections(head, sections), tuple(used), tuple(candidates), streams)


def _keep_formats(section: Section, formats: list[VideoFormat], used: list[VideoFormat]) -> None:
    section.keep_formats([codec.payload_type for codec in used] + repair_formats(formats, used))
    for codec in formats:
        parameters = AIORTC_H264 if codec.name == "H264" else codec.parameters
        _set_parameters(section, codec.payload_type, parameters, name=codec.name)


def _set_parameters(section: Section, payload_type: str, parameters: dict[str, str], name: str | None = None) -> None:
    """Replace the fmtp parameters (and the name) of a payload type of the section."""
    start = f"a=fmtp:{payload_type} "
    lines = [line for line in section.lines if not line.startswith(start)]
    text = ";".join(f"{key}={value}" if value else key for key, value in parameters.items())
    for i, line in enumerate(lines):
        if line.startswith(f"a=rtpmap:{payload_type} "):
            if name is not None:
                lines[i] = f"a=rtpmap:{payload_type} {'rtx' if name == 'RTX' else name}/90000"
            if text:
                lines.insert(i + 1, start + text)
            break
    section.lines = lines


def _take_candidates(section: Section) -> list[RTCIceCandidate]:
    candidates = [read_candidate(value, section.mid) for value in section.values("candidate") if value.strip()]
    section.lines = [line for line in section.lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return candidates
