"""Try pruning thresholds on a live session: keep ratio and model speed as CSV, on request as a plot."""

import csv
import statistics
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lipar_client import LiparClient, client_of, client_parser

SAMPLE_S = 0.25
# Of each change detector, the parameter that is swept and its default values.
SWEPT = {"anchor": ("threshold", [2, 4, 8, 16, 32]), "lipar": ("tau", [0.06, 0.12, 0.24, 0.48])}


@dataclass(frozen=True)
class Point:
    """Medians of the samples at one threshold."""

    threshold: float  # of `anchor` in levels of 255; of `lipar` tau
    keep_ratio: float  # tokens that were computed
    model_fps: float  # frames per second of the model while it works
    latency_ms: float


def measure(client: LiparClient, detector: str, threshold: float, settle: float, seconds: float) -> Point:
    """Set a threshold, wait until its block has been edited and `settle` seconds more, then sample."""
    name, _ = SWEPT[detector]
    acknowledgement = client.change(pruning={"enabled": True, "detector": detector, name: threshold})
    client.wait_for_block(acknowledgement["block"])
    time.sleep(settle)
    samples = []
    for _ in range(max(1, round(seconds / SAMPLE_S))):
        time.sleep(SAMPLE_S)
        samples.append(client.status()["stats"])
    keep_ratio, fps, latency = (
        statistics.median(sample[name] or 0 for sample in samples) for name in ("keep_ratio", "model_fps", "latency_ms")
    )
    return Point(threshold, keep_ratio, fps, latency)


def write_csv(points: list[Point], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Point)])
        writer.writeheader()
        writer.writerows(asdict(point) for point in points)


def plot(points: list[Point], path: Path) -> None:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise SystemExit("--plot needs matplotlib: pip install matplotlib") from None
    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    axes.plot([point.keep_ratio for point in points], [point.model_fps for point in points], "o-")
    for point in points:
        axes.annotate(f"{point.threshold:g}", (point.keep_ratio, point.model_fps), (4, 4), textcoords="offset points")
    axes.set(xlabel="keep ratio", ylabel="model, frames per second", title="threshold at each point")
    figure.savefig(path)


def main() -> None:
    parser = client_parser(__doc__)
    parser.add_argument("--detector", choices=SWEPT, default="anchor", help="lipar: its threshold tau is swept")
    parser.add_argument("--thresholds", type=float, nargs="+", help="anchor: levels of 255; lipar: tau")
    parser.add_argument("--settle", type=float, default=3, help="seconds before (default: 3, the span of rates)")
    parser.add_argument("--seconds", type=float, default=6, help="sampled at each threshold (default: 6)")
    parser.add_argument("--csv", type=Path, default=Path("sweep.csv"))
    parser.add_argument("--plot", type=Path, help="a .svg or .png file")
    args = parser.parse_args()
    client = client_of(args)
    before = client.status()["parameters"]["pruning"]
    points = []
    try:
        for threshold in args.thresholds or SWEPT[args.detector][1]:
            points.append(measure(client, args.detector, threshold, args.settle, args.seconds))
            print(points[-1], flush=True)
    finally:
        client.change(pruning=before)
    write_csv(points, args.csv)
    if args.plot:
        plot(points, args.plot)


if __name__ == "__main__":
    sys.exit(main())
