"""A straight line through the newest points."""

NEWEST_WEIGHT = 0.02  # of the newest block: about the last 50 count
MIN_DEVIATION = 0.02  # of x, below which the slope is not measured


class AffineFit:
    """Exponentially weighted least squares of y over x."""

    def __init__(self) -> None:
        self.count = 0
        self.mean_x = self.mean_y = 0.0
        self.slope: float | None = None  # from the newest points whose x varied enough; None: none did yet
        self._variance = self._covariance = 0.0

    def add(self, x: float, y: float) -> None:
        self.count += 1
        weight = max(1 / self.count, NEWEST_WEIGHT)
        dx, dy = x - self.mean_x, y - self.mean_y
        self.mean_x += weight * dx
        self.mean_y += weight * dy
        self._variance = (1 - weight) * (self._variance + weight * dx * dx)
        self._covariance = (1 - weight) * (self._covariance + weight * dx * dy)
        if self._variance > MIN_DEVIATION**2:
            self.slope = max(0.0, self._covariance / self._variance)  # keeping more is never faster

    def predict(self, x: float) -> float | None:
        """The expected y; None if it is not known."""
        if self.count == 0:
            return None
        if self.slope is not None:
            return max(0.0, self.mean_y + self.slope * (x - self.mean_x))
        return self.mean_y if abs(x - self.mean_x) < MIN_DEVIATION else None
