"""How much video the way to the browser carries: the browser's estimate, and what it says of losses."""

SMOOTHING = 1 / 3  # weight of the newest report: a rule that looks at one alone takes chance for congestion
CALM, BAD = 0.02, 0.10  # shares of lost packets; between them nothing changes (draft-ietf-rmcat-gcc-02, section 6)
BAD_REPORTS = 2  # in a row, before the rate falls
SEVERE = 0.25  # a share that is never chance: the way has narrowed, and what came through is what it carries
RISE = 1.08  # per calm report


class RateControl:
    """The encoder's target, bit/s: the least of a ceiling, the browser's estimate (REMB), and a rule of losses."""

    def __init__(self, start: int, minimum: int, maximum: int) -> None:
        self.minimum, self.maximum = minimum, maximum
        self.lost = 0.0  # smoothed share of lost packets
        self._remb: int | None = None
        self._start, self._cap = start, float(maximum)
        self._bad = 0

    @property
    def target(self) -> int:
        estimate = self._start if self._remb is None else self._remb
        return round(max(self.minimum, min(estimate, self._cap, self.maximum)))

    def estimated(self, bitrate: int) -> None:
        """The browser's REMB. It knows delay, not loss: behind a queue that is always full it stays too high."""
        self._remb = bitrate

    def reported(self, fraction_lost: float) -> None:
        """A receiver report's share of packets lost since the one before, 0..1."""
        self.lost += SMOOTHING * (fraction_lost - self.lost)
        self._bad = self._bad + 1 if fraction_lost > BAD else 0
        if fraction_lost > SEVERE:
            self._cap = max(self.minimum, self.target * (1 - fraction_lost))
        elif self._bad >= BAD_REPORTS and self.lost > BAD:
            self._cap = max(self.minimum, self.target * (1 - 0.5 * self.lost))
        elif self.lost < CALM:
            self._cap = min(self.maximum, max(self._cap, self.minimum) * RISE)
