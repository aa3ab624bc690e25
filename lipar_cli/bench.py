"""`lipar bench`: how fast this machine is, pruned and not, in one interleaved run."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_cli.model_options import add_model_options, chosen_models, chosen_preset
from lipar_core.errors import LiparError

if TYPE_CHECKING:
    from lipar_core.config import Preset
    from lipar_eval.block_counters import BlockCounters
    from lipar_eval.throughput import Variant

RATIOS = (1.0, 0.65, 0.5, 0.35)
COUNTED_RATIOS = (1.0, 0.5)
RESULTS = Path("bench-results")
CLIPS = Path(__file__).parent.parent / "tests" / "media"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "bench",
        help="measure speed, with pruning and without",
        description="Forced keep ratios on synthetic frames, then clips unpruned and pruned by each detector.",
    )
    add_model_options(parser)
    parser.add_argument("--media", type=Path, help="folder of clips (default: the few in tests/media)")
    parser.add_argument("--blocks", type=int, default=24, help="measured blocks per variant (default: 24)")
    parser.add_argument(
        "--counters",
        action="store_true",
        help="only count what a block's transformer passes do: needs neither weights nor the preset's device",
    )
    parser.add_argument("--json", type=Path, help="write the results there (default: bench-results/PRESET.json)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from lipar_core.sizes import size_name
    from lipar_eval import throughput
    from lipar_eval.machine import machine_info

    if args.blocks < 4:
        raise LiparError(f"--blocks = {args.blocks}: must be at least 4")
    if args.json is not None and not args.json.parent.is_dir():
        raise LiparError(f"--json {args.json}: the folder {args.json.parent} does not exist")
    preset = chosen_preset(args)
    if args.counters:
        return run_counters(preset, args.json)
    clips = find_clips(args.media)
    if not clips:
        print(
            "this install has no clips: only forced keep ratios are measured (--media DIR adds clips)", file=sys.stderr
        )
    models = chosen_models(args, preset)
    machine = machine_info(models.device)
    print("\n".join(f"{name}: {value}" for name, value in machine.items()))
    results: dict[str, object] = {"machine": machine, "preset": preset.name, "size": size_name(preset.stream)}
    results["dtype"] = str(models.precision)
    print(f"picture: {size_name(preset.stream)}, {models.precision}")
    forced = throughput.forced_ratios(models, RATIOS, args.blocks)
    _print_variants(f"forced keep ratios, {args.blocks} blocks per variant, interleaved", forced)
    results["forced"] = [variant.to_json() for variant in forced]
    frames = throughput.random_block(models)
    counted = {variant.name: variant.counters(frames) for variant in forced}
    _print_counters("counters of a whole block", counted)
    results["counters"] = {name: counters.to_json() for name, counters in counted.items()}
    results["clips"] = {}
    for path in clips:
        variants = throughput.pruning_by_detector(models, path, args.blocks)
        _print_variants(f"{path.name}: pruning off and by each detector, same window, interleaved", variants)
        results["clips"][path.name] = [variant.to_json() for variant in variants]  # type: ignore[index]
    target = args.json or RESULTS / f"{models.preset.name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nfigures written to {target}")
    return 0


def run_counters(preset: "Preset", json_path: Path | None) -> int:
    from lipar_eval.block_counters import transformer_block

    counted = {f"keep {ratio:.2f}": transformer_block(preset, ratio) for ratio in COUNTED_RATIOS}
    _print_counters(f"transformer passes of a block, preset {preset.name}", counted)
    if json_path is not None:
        json_path.write_text(json.dumps({name: counters.to_json() for name, counters in counted.items()}) + "\n")
    return 0


def find_clips(folder: Path | None) -> list[Path]:
    """Clips to measure on; raises `LiparError` if a given folder has none."""
    if folder is None:
        return sorted(CLIPS.glob("*.mp4"))
    paths = sorted(folder.glob("*.mp4")) if folder.is_dir() else []
    if not paths:
        raise LiparError(f"--media {folder}: no .mp4 file there")
    return paths


def _print_variants(title: str, variants: "list[Variant]") -> None:
    stages = list(variants[0].stages())
    print(f"\n{title}")
    print(
        f"{'variant':>14} {'kept':>6} {'fps':>7} {'ms per block (min-max)':>24} {'transformer':>12} {'ratio':>6}",
        *stages,
        sep="  ",
    )
    base = variants[0].transformer_ms()
    for variant in variants:
        low, middle, high = variant.block_ms()
        spread = f"{middle:.1f} ({low:.1f}-{high:.1f})"
        transformer_ms = variant.transformer_ms()
        parts = [f"{ms:{max(len(stage), 5)}.1f}" for stage, ms in variant.stages().items()]
        print(
            f"{variant.name:>14} {variant.kept():6.2f} {variant.fps():7.1f} {spread:>24} "
            f"{transformer_ms:12.1f} {base / transformer_ms:5.2f}x",
            *parts,
            sep="  ",
        )


def _print_counters(title: str, counted: "dict[str, BlockCounters]") -> None:
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
