"""How much faster pruning makes the blocks of a session: an estimate from their measured times."""

from server import wire

NEWEST_WEIGHT = 0.02  # of the newest block: about the last 50 count
MIN_DEVIATION = 0.02  # of the keep ratio, below which the slope is not measured
PRUNED_STAGES = ("denoise", "clean")  # the others take the same time whatever is kept


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


class SpeedUp:
    """Fits the times of `PRUNED_STAGES` over the keep ratio, and takes the mean of the other stages'."""

    def __init__(self) -> None:
        self._denoise, self._clean, self._fixed = AffineFit(), AffineFit(), AffineFit()
        self._ratio: float | None = None  # of the newest block

    def add(self, block: wire.BlockDone) -> None:
        """The first block is not measured: memory is allocated and kernels are chosen in it."""
        before, self._ratio = self._ratio, block.keep_ratio
        if before is None:
            return
        self._denoise.add(block.keep_ratio, block.stage_ms.get("denoise", 0.0))
        self._clean.add(before, block.stage_ms.get("clean", 0.0))  # it is that of the block before
        self._fixed.add(0.0, sum(ms for stage, ms in block.stage_ms.items() if stage not in PRUNED_STAGES))

    @property
    def ratio(self) -> float | None:
        """Expected time of a block computed in full / of one that keeps as much as the newest; None: not known yet."""
        if self._ratio is None:
            return None
        full, pruned = self._block_ms(1.0), self._block_ms(self._ratio)
        return full / pruned if full is not None and pruned else None

    def _block_ms(self, keep_ratio: float) -> float | None:
        denoise, clean = self._denoise.predict(keep_ratio), self._clean.predict(keep_ratio)
        return None if denoise is None or clean is None else self._fixed.mean_y + denoise + clean
