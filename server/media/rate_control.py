"""Target bitrate of the video sent to a browser, by its bandwidth estimate (REMB) and its reported packet loss."""

SMOOTHING = 1 / 3  # weight of the newest report: a single one may show random loss, not congestion
LOW_LOSS, HIGH_LOSS = (
    0.02,
    0.10,
)  # loss ratios; between them the limit stays (draft-ietf-rmcat-gcc-02, section 6)
HIGH_LOSS_REPORTS = 2  # consecutive, before the limit is lowered
SEVERE_LOSS = 0.25  # loss ratio that is never random: bandwidth has dropped to what was received
INCREASE = 1.08  # factor per report with low loss


class RateControl:
    """The encoder's target, bit/s: the minimum of a ceiling, the browser's REMB, and a limit by packet loss."""

    def __init__(self, start: int, minimum: int, maximum: int) -> None:
        self.minimum, self.maximum = minimum, maximum
        self.loss_ratio = 0.0  # of packets, smoothed
        self._remb: int | None = None
        self._start = start
        self._loss_limit = float(maximum)
        self._high_loss_reports = 0

    @property
    def target(self) -> int:
        estimate = self._start if self._remb is None else self._remb
        return round(max(self.minimum, min(estimate, self._loss_limit, self.maximum)))

    def on_remb(self, bitrate: int) -> None:
        """Set the browser's REMB. It follows delay, not loss: behind a queue that is always full it stays too high."""
        self._remb = bitrate

    def on_receiver_report(self, fraction_lost: float) -> None:
        """Update by a receiver report; `fraction_lost`: loss ratio since the previous report, 0..1."""
        self.loss_ratio += SMOOTHING * (fraction_lost - self.loss_ratio)
        self._high_loss_reports = self._high_loss_reports + 1 if fraction_lost > HIGH_LOSS else 0
        if fraction_lost > SEVERE_LOSS:
            self._loss_limit = max(self.minimum, self.target * (1 - fraction_lost))
        elif self._high_loss_reports >= HIGH_LOSS_REPORTS and self.loss_ratio > HIGH_LOSS:
            self._loss_limit = max(self.minimum, self.target * (1 - 0.5 * self.loss_ratio))
        elif self.loss_ratio < LOW_LOSS:
            self._loss_limit = min(self.maximum, max(self._loss_limit, self.minimum) * INCREASE)
