"""`lipar bench`: how fast this machine is, pruned and not, in one interleaved run."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lipar_cli.bench_tables import print_counters
from lipar_cli.measurements import Measurements
from lipar_cli.model_options import add_model_options, chosen_models, chosen_preset
from lipar_core.errors import LiparError
from lipar_core.presets import with_random_weights

if TYPE_CHECKING:
    from lipar_core.config import Preset

RATIOS = (1.0, 0.8, 0.65, 0.5, 0.35, 0.0)
ARM_RATIOS = (1.0, 0.65, 0.5, 0.35)
DTYPE_RATIOS = (1.0, 0.5)
PAPER_RATIOS = (0.65, 0.5)  # the published figures do not name one
TRACED_RATIO = SESSIONS_RATIO = 0.5
SESSIONS = (1, 2, 4)
RATES = (16.0, 30.0)  # frames per second of paced streams
SYNTHETIC = ("static", "person", "pan", "cut")
PARTS = ("forced", "clips", "arms", "dtypes", "paper", "sessions", "streams")
COUNTED_RATIOS = (1.0, 0.5)
DETECTORS: tuple[Literal["anchor", "lipar"], ...] = ("anchor", "lipar")
FAILED = 1
RESULTS = Path("bench-results")
CLIPS = Path(__file__).parent.parent / "tests" / "media"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "bench",
        help="measure speed, with pruning and without",
        description="Measure this machine. Exit code 1 if a variant computed something wrong; it then has no times.",
    )
    add_model_options(parser)
    parser.add_argument(
        "--random-weights",
        action="store_true",
        help="at the preset's sizes, without its checkpoints: nothing needs to be downloaded",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=(*PARTS, "all"),
        default=["forced", "clips"],
        help="forced keep ratios, clips, arms (parts of the engine replaced), dtypes, the paper's pairing, sessions at "
        "once, streams in real time (default: forced clips)",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each stream in real time (default: 60)")
    parser.add_argument("--profile", type=Path, help="write a trace of two blocks there, for Perfetto")
    parser.add_argument("--media", type=Path, help="folder of clips (default: the few in tests/media)")
    parser.add_argument("--blocks", type=int, default=24, help="measured blocks per variant (default: 24)")
    parser.add_argument(
        "--counters",
        action="store_true",
        help="only count what a block's passes and change detector do: needs neither weights nor the preset's device",
    )
    parser.add_argument(
        "--json",
        type=Path,
        help="write the results there, and a report beside them as .html (default: bench-results/PRESET.json)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.blocks < 4:
        raise LiparError(f"--blocks = {args.blocks}: must be at least 4")
    if not 0 < args.seconds <= 86_400:
        raise LiparError(f"--seconds = {args.seconds}: must be above 0, at most 86400")
    if args.json is not None and not args.json.parent.is_dir():
        raise LiparError(f"--json {args.json}: the folder {args.json.parent} does not exist")
    preset = chosen_preset(args)
    if args.counters:
        return run_counters(preset, args.json)
    if args.random_weights:
        preset = with_random_weights(preset)
    parts = PARTS if "all" in args.parts else args.parts
    clips = find_clips(args.media) if "clips" in parts else []
    if "clips" in parts and not clips:
        print("this install has no clips: only synthetic ones are measured (--media DIR adds clips)", file=sys.stderr)
    measurements = Measurements(chosen_models(args, preset), args.blocks)
    measurements.require_blocks(clips)
    measure = {
        "forced": lambda: measurements.forced(RATIOS, COUNTED_RATIOS),
        "clips": lambda: measurements.clips(clips, SYNTHETIC),
        "arms": lambda: measurements.arms(ARM_RATIOS),
        "dtypes": lambda: measurements.dtypes(DTYPE_RATIOS),
        "paper": lambda: measurements.paper(PAPER_RATIOS),
        "sessions": lambda: measurements.sessions_at_once(SESSIONS, SESSIONS_RATIO),
        "streams": lambda: measurements.streams(RATES, args.seconds),
    }
    for part in PARTS:
        if part in parts:
            measure[part]()
    if args.profile is not None:
        measurements.profile(TRACED_RATIO, args.profile)
    measurements.memory()
    measurements.write(args.json or RESULTS / f"{preset.name}.json")
    failed = measurements.failures()
    for name in failed:
        print(f"FAIL: {name} did not compute what the published style does", file=sys.stderr)
    return FAILED if failed else 0


def run_counters(preset: "Preset", json_path: Path | None) -> int:
    from lipar_eval.block_counters import detector_block, transformer_block

    counted = {f"keep {ratio:.2f}": transformer_block(preset, ratio) for ratio in COUNTED_RATIOS}
    print_counters(f"transformer passes of a block, preset {preset.name}", counted)
    detectors = {f"detector {kind}": detector_block(preset, kind) for kind in DETECTORS}
    print_counters("its change detector", detectors)
    counted |= detectors
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
