"""The tables and curves of the detectors in the report."""

from collections.abc import Callable, Iterable, Sequence

from lipar_eval.data_urls import curves
from lipar_eval.detector_comparison import compare, curve, number
from lipar_eval.summary import Row, means

METRICS = {
    "held_db": "PSNR of the held source, dB",
    "output_db": "PSNR to unpruned, dB",
    "smoothed_db": "the same with the preset's smoothing, dB",
}
WORST: dict[str, Callable[[Iterable[float]], float]] = {
    "held_db": min,
    "worst": max,
    "worst_content": max,
    "output_db": min,
    "output_worst": max,
    "smoothed_db": min,
    "seam": max,
}
TEXT = (
    "Source with every token held since it was last kept: PSNR, and RMS error of the worst tokens (99.5th percentile; "
    "content: on the clean clip), levels of 255. Output: PSNR to the unpruned output, without and with smoothing, RMS "
    "error of the worst tokens; seam: gradient across borders of kept and reused tokens, over that of the unpruned one."
)
COMPARISON = (
    "anchor against another detector by {label}: gain at an equal mean keep ratio, one threshold for all clips; tokens "
    "saved at equal mean dB; the smallest gain of a clip at its own keep ratio."
)


def add_detector_sections(add: Callable[..., None], rows: Sequence[Row]) -> None:
    """`add(title, text, rows, pictures)` is called for each section."""
    measured = {name: label for name, label in METRICS.items() if name in rows[0]}
    add("Detectors, means of clips", TEXT, means(rows, ["source", "detector", "scale"]))
    add("Detectors, worst clip", "Of every clip, the worst value.", _extremes(rows))
    for name, label in measured.items():
        add(f"Detectors compared: {name}", COMPARISON.format(label=label), compare(rows, name))
    main = "output_db" if "output_db" in measured else "held_db"
    add("Detectors, by clip", TEXT, rows, list(_pictures(rows, main, METRICS[main])))


def _extremes(rows: Sequence[Row]) -> list[Row]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["source"], row["detector"], row["scale"]), []).append(row)
    lines: list[Row] = []
    for key, group in groups.items():
        line: Row = dict(zip(("source", "detector", "scale"), key, strict=True))
        lines.append(
            line | {name: WORST[name](number(row, name) for row in group) for name in WORST if name in group[0]}
        )
    return lines


def _pictures(rows: Sequence[Row], metric: str, label: str) -> Iterable[str]:
    """Of each condition, a picture of the clips' means and one for each clip."""
    clips = dict.fromkeys(str(row["clip"]) for row in rows)
    for condition in dict.fromkeys(row["source"] for row in rows):
        part = [row for row in rows if row["source"] == condition]
        groups = {"mean": means(part, ["detector", "scale"])}
        groups |= {clip: [row for row in part if row["clip"] == clip] for clip in clips}
        for title, group in groups.items():
            yield curves(_series(group, metric), "keep ratio", label, f"{title}, {condition}")


def _series(rows: Sequence[Row], metric: str) -> dict[str, tuple[list[float], list[float]]]:
    """The curve of each detector."""
    names = dict.fromkeys(str(row["detector"]) for row in rows)
    points = {name: curve(rows, name, metric) for name in names}
    return {name: ([x for x, _ in line], [y for _, y in line]) for name, line in points.items()}
