"""Which RTP stream of a connection is decoded: a sender may signal several, and send others unsignalled."""

from dataclasses import dataclass, field

from server.media.sdp_section import Section

STREAM_TIMEOUT_S = 2.0  # without a packet; then another stream may replace this one


@dataclass(frozen=True, slots=True)
class SourceStreams:
    """The streams signalled by an SDP section (RFC 5576)."""

    main: int | None = None  # SSRC of the video to decode; None if none is signalled
    repairs: dict[int, int] = field(default_factory=dict)  # SSRC of retransmissions (RTX) -> SSRC of the original


def read_source_streams(section: Section) -> SourceStreams:
    """Of simulcast layers the last is used: in browsers' offers it has the highest resolution."""
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
    """Accepts one stream at a time. Times in seconds, on any one clock."""

    def __init__(self, main: int | None) -> None:
        """`main`: the signalled SSRC; if None, the first stream that arrives is used."""
        self.current = main
        self.ignored = 0  # packets of other streams
        self._last: float | None = None

    def accepts(self, ssrc: int, now: float) -> bool:
        """Whether a packet of this stream, arriving now, is to be decoded."""
        if self._last is None:
            self._last = now  # the timeout applies to the first packet of the signalled stream too
        if self.current is None or (ssrc != self.current and now - self._last > STREAM_TIMEOUT_S):
            self.current = ssrc
        if ssrc != self.current:
            self.ignored += 1
            return False
        self._last = now
        return True
