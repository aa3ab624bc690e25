"""The audio of an offer: one Opus stream is forwarded, all other audio is answered as inactive."""

import re

from aiortc import RTCRtpTransceiver

from server.errors import BadOffer
from server.media.aiortc_patches import private_attr
from server.media.sdp_section import Section, join_sections, split_sections

DIRECTIONS = ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")
STREAM_ATTRIBUTES = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=ssrc", "a=msid:", "a=rid:", "a=simulcast:")
PCMU = "0"  # payload type of a codec that aiortc supports: it rejects sections without one


class AudioOffer:
    """An offer reduced to what aiortc accepts, and the complete answer: it must have a section for each offered one."""

    def __init__(self, sdp: str) -> None:
        """Raises `BadOffer`."""
        try:
            self.head, self.sections = split_sections(sdp)
        except ValueError as error:
            raise BadOffer(f"the offer cannot be read: {error}") from error
        self.used = [section for section in self.sections if not _is_rejected(section)]
        self.audio = next((section for section in self.used if _opus(section)), None)  # the one to forward

    @property
    def sdp(self) -> str:
        """The offer without the sections that it rejects itself, and with other audio inactive."""
        rejected = {section.mid for section in self.sections if section not in self.used}
        head = [_without_mids(line, rejected) for line in self.head]
        return join_sections(head, [section if self._is_kept(section) else _inactive(section) for section in self.used])

    def bind(self, transceiver: RTCRtpTransceiver) -> None:
        """Bind the transceiver to the forwarded section: aiortc would bind it to the first audio section."""
        assert self.audio is not None
        private_attr(transceiver, "_set_mid")(self.audio.mid or "")
        private_attr(transceiver, "_set_mline_index")(self.used.index(self.audio))

    def complete_answer(self, answer: str) -> str:
        """aiortc's answer to `sdp`, extended to an answer to the whole offer."""
        head, answered = split_sections(answer)
        pairs = zip(self.used, answered, strict=True)
        answers = {offered: self._answer_section(offered, answer) for offered, answer in pairs}
        return join_sections(head, [answers.get(section) or _rejection(section) for section in self.sections])

    def _is_kept(self, section: Section) -> bool:
        return section.kind != "audio" or section is self.audio

    def _answer_section(self, section: Section, answer: Section) -> Section:
        if not self._is_kept(section):
            return _inactive(answer, section)
        opus = _opus(section)
        parameters = [f"a=fmtp:{value}" for value in section.values("fmtp") if value.startswith(f"{opus} ")]
        if opus is not None and parameters:
            at = next(i for i, line in enumerate(answer.lines) if line.startswith(f"a=rtpmap:{opus} "))
            answer.lines.insert(at + 1, parameters[0])
        return answer


def _is_rejected(section: Section) -> bool:
    """Whether the offer itself rejects the section (RFC 8843: port 0, unless it is bundle-only)."""
    return section.port == "0" and "a=bundle-only" not in section.lines


def _opus(section: Section) -> str | None:
    """The payload type of Opus; None if it is not offered."""
    if section.kind != "audio":
        return None
    matches = (re.match(r"(\d+) +opus/48000\b", value, re.IGNORECASE) for value in section.values("rtpmap"))
    return next((match[1] for match in matches if match and match[1] in section.formats), None)


def _inactive(section: Section, formats: Section | None = None) -> Section:
    """The section made inactive, with the formats of another section, or with PCMU."""
    names = [PCMU] if formats is None else formats.formats
    described = [f"{PCMU} PCMU/8000"] if formats is None else formats.values("rtpmap")
    first = f"m=audio {section.port} {section.protocol} {' '.join(names)}"
    rest = [line for line in section.lines[1:] if not line.startswith(STREAM_ATTRIBUTES) and line not in DIRECTIONS]
    return Section([first, "a=inactive", *(f"a=rtpmap:{value}" for value in described), *rest])


def _rejection(section: Section) -> Section:
    mid = [] if section.mid is None else [f"a=mid:{section.mid}"]
    first = f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}"
    return Section([first, "c=IN IP4 0.0.0.0", "a=inactive", *mid])


def _without_mids(line: str, mids: set[str | None]) -> str:
    if not line.startswith("a=group:BUNDLE"):
        return line
    name, *members = line.split(" ")
    return " ".join([name, *(member for member in members if member not in mids)])
