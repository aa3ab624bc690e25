"""Which of the RTP streams of a connection is the picture: an offer may name several, and send others unasked."""

from dataclasses import dataclass, field

from server.media.sdp_section import Section

SILENT_S = 2.0  # after which another stream takes the place of one that sends no more


@dataclass(frozen=True, slots=True)
class SourceStreams:
    """What an SDP section says of its streams (RFC 5576)."""

    main: int | None = None  # SSRC of the picture; None where none is named
    repairs: dict[int, int] = field(default_factory=dict)  # SSRC of retransmissions -> of what they repeat


def read_source_streams(section: Section) -> SourceStreams:
    """Of simulcast layers the last is taken, which has the most pixels in what browsers offer."""
    groups: dict[str, list[list[int]]] = {}
    for value in section.values("ssrc-group"):
        semantics, *members = value.split()
        if all(member.isdigit() for member in members) and members:
            groups.setdefault(semantics, []).append([int(member) for member in members])
    pairs = {group[1]: group[0] for group in groups.get("FID", []) if len(group) == 2}
    others = {*pairs, *(group[1] for group in groups.get("FEC-FR", []) if len(group) == 2)}
    named = [int(ssrc) for value in section.values("ssrc") if (ssrc := value.split(" ")[0]).isdigit()]
    primary = [ssrc for ssrc in dict.fromkeys(named) if ssrc not in others]
    layers = groups.get("SIM", [primary[:1]])[0]
    return SourceStreams(layers[-1] if layers else None, pairs)


class StreamSelector:
    """Lets one stream at a time through. Times in seconds, on any one clock."""

    def __init__(self, main: int | None) -> None:
        """`main`: the SSRC that was agreed on, or None: then the first that comes is taken."""
        self.current = main
        self.ignored = 0  # packets of other streams
        self._last: float | None = None

    def accepts(self, ssrc: int, now: float) -> bool:
        """Whether a packet of this stream, which arrives now, belongs to the picture."""
        if self._last is None:
            self._last = now  # the agreed one has as long to begin as it has to go on
        if self.current is None or (ssrc != self.current and now - self._last > SILENT_S):
            self.current = ssrc
        if ssrc != self.current:
            self.ignored += 1
            return False
        self._last = now
        return True
