"""The report of `lipar bench`, built from its JSON results alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lipar_eval.page import Section
from lipar_eval.summary import Row
from lipar_eval.svg_charts import bar_chart, line_chart

Results = Mapping[str, Any]
FAILED = "FAIL"


def sections(results: Results) -> list[Section]:
    """Of the parts that were measured, in the order of the table."""
    return [section for name, build in PARTS.items() if name in results for section in build(results)]


def verdict(gate: Mapping[str, Any] | None) -> str:
    """The correctness gate's, for a table."""
    if gate is None:
        return "no reference"
    return f"{'ok' if gate['passed'] else FAILED} {gate['error']:.1e} of {gate['limit']:.0e}"


def failures(results: Results) -> list[str]:
    """Every measurement whose gate failed, by part and name."""
    found = []
    for part, rows in gated_rows(results).items():
        found += [f"{part}: {_name(row)}" for row in rows if row["gate"] is not None and not row["gate"]["passed"]]
    return found


def gated_rows(results: Results) -> dict[str, list[Mapping[str, Any]]]:
    """All rows with a gate, by part; of clips by clip."""
    parts = {
        part: results[part] for part in ("forced", "arms", "dtypes", "paper", "sessions", "streams") if part in results
    }
    return parts | {f"clip {name}": rows for name, rows in results.get("clips", {}).items()}


def _name(row: Mapping[str, Any]) -> str:
    if "ratio" in row:
        return f"{row['name']} at {row['ratio']:.2f}"
    for key, unit in (("variant", ""), ("arm", ""), ("sessions", " sessions"), ("fps", " fps")):
        if key in row:
            return f"{row[key]}{unit}"
    raise AssertionError(f"a row without a name: {sorted(row)}")


def _variant_row(variant: Mapping[str, Any]) -> Row:
    """A variant of blocks: times only of a right one."""
    row: Row = {"variant": variant["variant"], "kept": variant["kept"], "gate": verdict(variant["gate"])}
    if "fps" in variant:
        times = variant["block_ms"]
        row |= {"fps": variant["fps"], "ms, median": times["median"], "p99": times["p99"]}
        row |= {"transformer ms": variant["transformer_ms"]}
    return row


def _forced(results: Results) -> list[Section]:
    rows = results["forced"]
    timed = [row for row in rows if "fps" in row]
    lines = {"measured": [(row["kept"], row["block_ms"]["median"]) for row in timed]}
    text = "Fixed random keep masks of each ratio, interleaved block by block."
    if fit := results.get("fit_ms"):
        t0, t1 = fit["t0"], fit["t1"]
        lines["t0 + t1 r"] = [(0.0, t0), (1.0, t0 + t1)]
        text += f" ms per block = {t0:.1f} + {t1:.1f} r: {t0 / (t0 + t1):.0%} does not depend on r."
    pictures = [
        line_chart(lines, "keep ratio r", "ms per block"),
        bar_chart({row["variant"]: row["fps"] for row in timed}, "frames per second"),
    ]
    counters = [{"variant": name} | counted for name, counted in results["counters"].items()]
    counted = Section("Counters of a block", "Deterministic: they do not depend on the machine's speed.", counters)
    return [Section("Keep ratios", text, table([_variant_row(row) for row in rows]), pictures), counted]


def _arms(results: Results) -> list[Section]:
    rows = results["arms"]
    ratios = dict.fromkeys(row["ratio"] for row in rows)
    names = dict.fromkeys(row["name"] for row in rows)
    lines = {
        name: [(row["ratio"], row["median_ms"]) for row in rows if row["name"] == name and "median_ms" in row]
        for name in names
    }
    pictures = [line_chart(lines, "keep ratio", "ms per block")]
    for ratio in ratios:
        bars = {row["name"]: row["times_ours"] for row in rows if row["ratio"] == ratio and "times_ours" in row}
        pictures.append(bar_chart(bars, f"time over the engine's, keep ratio {ratio}"))
    text = "The engine, the engine with one part replaced, and a loop in the published style; the same window in all."
    return [Section("Arms", text, table(rows), pictures)]


def _dtypes(results: Results) -> list[Section]:
    rows = results["dtypes"]
    bars = {f"{row['name']}, keep {row['ratio']:g}": row["times_own"] for row in rows if "times_own" in row}
    text = f"In turn with {results['dtype']}; x0_error: relative L2 of a first block's x0 to it, which no gate judges."
    return [Section("Dtypes", text, table(rows), [bar_chart(bars, "time over the preset's own")])]


def _paper(results: Results) -> list[Section]:
    rows = results["paper"]
    bars = {row["arm"]: row["fps"] for row in rows if "fps" in row}
    text = (
        "The paper's own pairing: pruned with its short window against unpruned with a window that grows to the length "
        "of a training clip. Much of this ratio is the window; the unpruned arm with the short window shows how much. "
        "Whole clips from an empty cache, without CUDA graphs."
    )
    return [Section("The paper's pairing", text, table(rows), [bar_chart(bars, "frames per second")])]


def _clips(results: Results) -> list[Section]:
    text = "Unpruned, and pruned by each detector at the preset's thresholds, same window, interleaved."
    return [
        Section(f"Clip {name}", text, table([_variant_row(row) for row in rows]))
        for name, rows in results["clips"].items()
    ]


def _sessions(results: Results) -> list[Section]:
    rows = results["sessions"]
    timed = [row for row in rows if "fps_each" in row]
    lines = {
        "each": [(row["sessions"], row["fps_each"]) for row in timed],
        "all together": [(row["sessions"], row["fps_all"]) for row in timed],
    }
    text = "Sessions of one model take turns block by block; the gate compares one with the same stream alone."
    return [Section("Sessions", text, table(rows), [line_chart(lines, "sessions", "fps")])]


def _streams(results: Results) -> list[Section]:
    rows = results["streams"]
    lines = {
        f"{row['fps']:g} fps": list(zip(row["seconds"], row["latency_ms"], strict=True))
        for row in rows
        if "latency_ms" in row
    }
    text = (
        "Frames arrive in real time; the detector with the thresholds of live sessions. Latency: from the arrival of "
        "a block's last frame until its edited frames are on the host. A block is missed if the next one has arrived."
    )
    return [Section("Paced streams", text, table(rows), [line_chart(lines, "seconds", "latency, ms", markers=False)])]


def _profile(results: Results) -> list[Section]:
    rows = results["profile"]
    bars = {row["operation"][:40]: row["ms per block"] for row in rows[:10]}
    return [Section("Operations", "By their own time.", rows, [bar_chart(bars, "ms per block")])]


def _memory(results: Results) -> list[Section]:
    rows: Sequence[Row] = [{"what": name, "GB": size / 1e9} for name, size in results["memory"].items()]
    planned = results["planned"]
    plan: Row = {"what": f"planned for {planned['sessions']} sessions", "GB": planned["bytes"] / 1e9}
    return [Section("Memory at most", "", [*rows, plan])]


def table(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows with all columns in each, verdicts as text, without lists; a wrong measurement's times are empty."""
    columns = dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, list))
    return [{name: _cell(name, row.get(name, "")) for name in columns} for row in rows]


def _cell(name: str, value: object) -> object:
    if name == "gate" and not isinstance(value, str):
        return verdict(value)  # type: ignore[arg-type] # a gate or None
    return "" if value is None else value


PARTS: Mapping[str, Callable[[Results], list[Section]]] = {
    "forced": _forced,
    "arms": _arms,
    "dtypes": _dtypes,
    "paper": _paper,
    "clips": _clips,
    "sessions": _sessions,
    "streams": _streams,
    "profile": _profile,
    "memory": _memory,
}
