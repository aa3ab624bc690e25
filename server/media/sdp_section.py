"""SDP as text: a session part and a section per `m=` line, for changes before aiortc parses it."""

import re


class Section:
    """A media description: an `m=` line and the lines that belong to it."""

    def __init__(self, lines: list[str]) -> None:
        """Raises `ValueError` for an `m=` line that is too short."""
        self.lines = lines
        words = lines[0].removeprefix("m=").split()
        if len(words) < 3:
            raise ValueError(f"the line {lines[0][:100]!r} is too short")
        self.kind, self.port, self.protocol, *self.formats = words

    def values(self, attribute: str) -> list[str]:
        """The values of all lines `a=attribute:...`."""
        start = f"a={attribute}:"
        return [line.removeprefix(start) for line in self.lines if line.startswith(start)]

    @property
    def mid(self) -> str | None:
        return next(iter(self.values("mid")), None)

    def keep_formats(self, formats: list[str]) -> None:
        """Remove all payload types except these, in this order."""
        self.formats = formats
        first = f"m={self.kind} {self.port} {self.protocol} {' '.join(formats)}"
        self.lines = [first, *(line for line in self.lines[1:] if _payload_type(line) in (None, "*", *formats))]


def split_sections(sdp: str) -> tuple[list[str], list[Section]]:
    """The lines before the first `m=`, and the sections. Raises `ValueError` for an `m=` line that is too short."""
    lines = [line.rstrip() for line in sdp.splitlines()]
    starts = [i for i, line in enumerate(lines) if line.startswith("m=")]
    ends = [*starts, len(lines)][1:]
    sections = [Section(lines[start:end]) for start, end in zip(starts, ends, strict=True)]
    return lines[: starts[0]] if starts else lines, sections


def join_sections(head: list[str], sections: list[Section]) -> str:
    parts = [head, *(section.lines for section in sections)]
    return "\r\n".join([line for part in parts for line in part if line]) + "\r\n"


def _payload_type(line: str) -> str | None:
    """The payload type of an attribute line of a format; None for other lines."""
    match = re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\S+)", line)
    return match[1] if match else None
