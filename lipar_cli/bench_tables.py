"""The tables of `lipar bench`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lipar_eval.bench_arms import ArmResult
    from lipar_eval.block_counters import BlockCounters
    from lipar_eval.throughput import Variant

HEADINGS = (("kept", 6), ("fps", 7), ("ms per block (min-max)", 24), ("p99", 7), ("transformer", 12), ("ratio", 6))


def print_variants(title: str, variants: "list[Variant]") -> None:
    stages = list(variants[0].stages())
    print(f"\n{title}")
    print(f"{'variant':>14}", " ".join(f"{name:>{width}}" for name, width in HEADINGS), " ".join(stages), sep=" ")
    base = variants[0].transformer_ms()
    for variant in variants:
        low, middle, high = variant.block_ms()
        spread = f"{middle:.1f} ({low:.1f}-{high:.1f})"
        transformer_ms = variant.transformer_ms()
        parts = [f"{ms:{max(len(stage), 5)}.1f}" for stage, ms in variant.stages().items()]
        print(
            f"{variant.name:>14} {variant.kept():6.2f} {variant.fps():7.1f} {spread:>24} {variant.p99_ms():7.1f} "
            f"{transformer_ms:12.1f} {_ratio(base, transformer_ms)}",
            *parts,
        )


def print_arms(title: str, results: "list[ArmResult]") -> None:
    print(f"\n{title}; error: relative L2 of x0 after one block, to the last arm")
    print(f"{'arm':>24} {'kept':>5} {'ms per block':>13} {'p99':>8} {'of the first':>13} {'error':>9}")
    for result in results:
        verdict = "" if result.passed else "  FAILED"
        print(
            f"{result.name:>24} {result.ratio:5.2f} {result.median_ms:13.1f} {result.p99_ms:8.1f} "
            f"{result.times_ours:12.2f}x {result.error:9.1e}{verdict}"
        )


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
