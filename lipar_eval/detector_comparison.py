"""The anchor rule against the other detectors: at an equal ratio of kept tokens, and at equal fidelity."""

import math
from collections.abc import Sequence

import numpy as np

from lipar_eval.summary import Row, means

OURS = "anchor"
MAX_DB = 60.0  # larger differences are not visible: a clip kept in full must not decide a mean
Curve = list[tuple[float, float]]  # points (kept, dB)


def compare(rows: Sequence[Row], metric: str) -> list[Row]:
    """A row per condition of the source, other detector and scale of `anchor`, from the rows of `detectors`.

    `gain_db`: the gain of the clips' mean dB at an equal mean keep ratio, one threshold for all clips. `fewer_tokens`:
    the ratio of tokens saved at an equal mean dB. `worst_gain_db`: the smallest gain of a clip at its own keep ratio,
    and that clip; `clips`: how many could be compared. Linear interpolation between scales;
    NaN outside the measured range. At most 60 dB count.
    """
    lines: list[Row] = []
    rows = [row | {metric: min(MAX_DB, number(row, metric))} for row in rows]
    for condition, other in dict.fromkeys((row["source"], row["detector"]) for row in rows):
        if other == OURS:
            continue
        part = [row for row in rows if row["source"] == condition]
        total = means(part, ["detector", "scale"])
        theirs = curve(total, other, metric)
        for mean in (row for row in total if row["detector"] == OURS):
            kept, db = number(mean, "kept"), number(mean, metric)
            ratio = value_at([(y, x) for x, y in theirs], db)
            line: Row = {"source": condition, "against": other, "scale": mean["scale"], "kept": kept, "db": db}
            line |= {"gain_db": db - value_at(theirs, kept), "fewer_tokens": 1 - kept / ratio}
            lines.append(line | _worst_clip(part, mean["scale"], other, metric))
    return lines


def curve(rows: Sequence[Row], detector: object, metric: str) -> Curve:
    """The points of a detector, by keep ratio."""
    return sorted((number(row, "kept"), number(row, metric)) for row in rows if row["detector"] == detector)


def value_at(points: Curve, x: float) -> float:
    """Linear interpolation between points (x, y); NaN outside them."""
    ordered = np.array(sorted(points))
    inside = ordered[0, 0] <= x <= ordered[-1, 0]
    return float(np.interp(x, ordered[:, 0], ordered[:, 1])) if inside else math.nan


def number(row: Row, name: str) -> float:
    value = row[name]
    assert isinstance(value, (int, float))
    return float(value)


def _worst_clip(rows: Sequence[Row], scale: object, other: object, metric: str) -> Row:
    gains: dict[str, float] = {}
    for row in rows:
        if row["detector"] == OURS and row["scale"] == scale:
            same_clip = [line for line in rows if line["clip"] == row["clip"]]
            gains[str(row["clip"])] = number(row, metric) - value_at(
                curve(same_clip, other, metric), number(row, "kept")
            )
    compared = {clip: gain for clip, gain in gains.items() if not math.isnan(gain)}
    worst = min(compared, key=compared.__getitem__, default="none")
    return {"worst_gain_db": compared.get(worst, math.nan), "worst_clip": worst, "clips": len(compared)}
