"""The tables of `lipar bench`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lipar_eval.block_counters import BlockCounters
    from lipar_eval.throughput import Variant

HEADINGS = (
    ("kept", 6),
    ("gate", 20),
    ("fps", 7),
    ("ms per block (min-max)", 24),
    ("p99", 7),
    ("transformer", 12),
    ("ratio", 6),
)


def print_variants(title: str, variants: "list[Variant]") -> None:
    from lipar_eval.bench_sections import verdict

    stages = list(variants[0].stages())
    print(f"\n{title}")
    print(f"{'variant':>14}", " ".join(f"{name:>{width}}" for name, width in HEADINGS), " ".join(stages), sep=" ")
    base = variants[0].transformer_ms()
    for variant in variants:
        gate = verdict(None if variant.gate is None else variant.gate.to_json())
        if not variant.passed:
            print(f"{variant.name:>14} {variant.kept():6.2f} {gate:>20}")
            continue
        low, middle, high = variant.block_ms()
        spread = f"{middle:.1f} ({low:.1f}-{high:.1f})"
        transformer_ms = variant.transformer_ms()
        parts = [f"{ms:{max(len(stage), 5)}.1f}" for stage, ms in variant.stages().items()]
        print(
            f"{variant.name:>14} {variant.kept():6.2f} {gate:>20} {variant.fps():7.1f} {spread:>24} "
            f"{variant.p99_ms():7.1f} {transformer_ms:12.1f} {_ratio(base, transformer_ms)}",
            *parts,
        )


def print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """One line per row; of a wrong measurement no times."""
    from lipar_eval.bench_sections import table

    shown = [{name: _cell(value) for name, value in row.items()} for row in table(rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in shown)) for name in shown[0]}
    print(f"\n{title}")
    print(*(f"{name:>{width}}" for name, width in widths.items()))
    for row in shown:
        print(*(f"{row[name]:>{width}}" for name, width in widths.items()))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_counters(title: str, counted: "dict[str, BlockCounters]") -> None:
    print(f"\n{title}; others: all allocations but the outputs of products, attention and norms")
    print(
        f"{'variant':>14} {'operations':>11} {'elementwise GB':>15} {'allocations':>12} {'others':>7} "
        f"{'host waits':>11} {'TFLOP':>8}"
    )
    for name, counters in counted.items():
        print(
            f"{name:>14} {counters.operations:11} {counters.elementwise_gb:15.2f} {counters.large_allocations:12} "
            f"{counters.other_allocations:7} {counters.host_waits:11} {counters.flops / 1e12:8.3f}"
        )


def _ratio(base: float, value: float) -> str:
    """How many times as fast as the first variant; a block without a token may take no time at all."""
    return f"{base / value:5.2f}x" if value else "      "
