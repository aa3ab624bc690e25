"""Means of result rows, grouped by columns, percentiles, and ratios."""

import math
import statistics
from collections.abc import Sequence

Row = dict[str, object]


def p99(values: Sequence[float]) -> float:
    """Interpolated: of fewer than a hundred values it lies just below the maximum."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def median_ratio(times: Sequence[float], own: Sequence[float]) -> float:
    """Of measurements in turn: the median of each over the one of the same round."""
    return statistics.median(a / b for a, b in zip(times, own, strict=True))


def means(rows: Sequence[Row], by: Sequence[str] = ()) -> list[Row]:
    """A row per distinct value of the `by` columns, with the mean of every number column; NaN is ignored."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    return [dict(zip(by, key, strict=True)) | _mean(group, set(by)) for key, group in groups.items()]


def _mean(rows: Sequence[Row], without: set[str]) -> Row:
    mean_row: Row = {}
    for name, value in rows[0].items():
        if name not in without and isinstance(value, float):
            numbers = [x for row in rows if isinstance(x := row[name], float) and not math.isnan(x)]
            mean_row[name] = sum(numbers) / len(numbers) if numbers else math.nan
    return mean_row
