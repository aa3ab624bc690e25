"""Histograms with fixed buckets."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
RATIOS = tuple(step / 10 for step in range(11))


class Histogram:
    """Monotonic counts of values by bucket, and their sum, as Prometheus defines a histogram."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        """`bounds`: the buckets' upper bounds, inclusive, ascending. One more bucket is above them."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    @property
    def count(self) -> int:
        """Number of values."""
        return sum(self.counts)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def add(self, other: "Histogram") -> None:
        """Add the values of another one, which has the same bounds."""
        assert self.bounds == other.bounds
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum

    def mean(self) -> float:
        """Mean of all values; there must be one."""
        return self.sum / self.count

    def quantile(self, ratio: float) -> float:
        """The value below which `ratio` of the values are, interpolated in its bucket; there must be a value.

        At most the highest bound.
        """
        rank = ratio * self.count
        edges = pairwise((0.0, *self.bounds))
        for (low, high), count, total in zip(edges, self.counts, accumulate(self.counts), strict=False):
            if count and total >= rank:
                return high - (high - low) * (total - rank) / count
        return self.bounds[-1]
