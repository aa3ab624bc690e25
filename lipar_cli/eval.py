"""`lipar eval`: measures the quality of the model and its pruning; writes a table, JSON and a page with curves."""

import argparse
from pathlib import Path

from lipar_cli.model_options import add_model_options, chosen_models, chosen_preset
from lipar_core.errors import LiparError

PARTS = ("autoencoder", "fidelity", "looks", "pruning", "detectors", "detector-output", "sources", "long")
SCALES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
RESULTS = Path("eval-results")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "eval",
        help="measure quality: autoencoder, styles, pruning, detectors, long runs",
        description="Measures quality on a folder of clips and writes a table, JSON and an HTML page with curves.",
    )
    add_model_options(parser)
    parser.add_argument("--media", type=Path, help="folder of clips (default: the few in tests/media)")
    parser.add_argument("--frames", type=int, default=160, help="of each clip, at most (default: 160)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)")
    parser.add_argument(
        "-p", "--prompt", action="append", help="for pruning; more than once (default: the preset's first style)"
    )
    parser.add_argument("--every-style", action="store_true", help="for pruning: the prompts of all styles")
    parser.add_argument(
        "--scales", type=float, nargs="+", default=SCALES, help="times the preset's thresholds, for the curves"
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="of the long run (default: 5)")
    parser.add_argument("--out", type=Path, default=RESULTS, help=f"folder for the report (default: {RESULTS})")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from lipar_cli.bench import find_clips

    try:
        from lipar_eval.report import Report
    except ImportError as error:
        raise LiparError(f"lipar eval needs {error.name}: pip install 'lipar-live[eval]'") from error
    _check(args)
    preset = chosen_preset(args)
    paths = find_clips(args.media)
    if not paths:
        raise LiparError("this install has no clips: give a folder of clips with --media")
    models = chosen_models(args, preset)
    args.out.mkdir(parents=True, exist_ok=True)
    report = Report(models, paths, args.frames)
    if "autoencoder" in args.parts:
        report.autoencoder()
    if "fidelity" in args.parts:
        report.fidelity()
    if "looks" in args.parts:
        report.looks()
    styles = [style.prompt for style in models.preset.styles]
    prompts = styles if args.every_style else args.prompt or styles[:1]
    if "pruning" in args.parts:
        report.pruning(prompts, args.scales)
        report.vbench(prompts[0])
    if "detector-output" in args.parts:
        report.detectors(args.scales, prompts[0])
    elif "detectors" in args.parts:
        report.detectors(args.scales, None)
    if "sources" in args.parts:
        report.sources()
    if "long" in args.parts:
        report.long_run(args.minutes)
    report.limits()
    report.write(args.out)
    print(f"\nreport written to {args.out / 'report.html'}, results to {args.out / 'report.json'}")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.frames < 24:
        raise LiparError(f"--frames = {args.frames}: must be at least 24")
    if not 0.5 <= args.minutes <= 60:
        raise LiparError(f"--minutes = {args.minutes:g}: must be >= 0.5 and <= 60")
    for scale in args.scales:
        if not 0 < scale <= 10:
            raise LiparError(f"--scales = {scale:g}: must be > 0 and <= 10")
    if args.out.exists() and not args.out.is_dir():
        raise LiparError(f"--out {args.out}: is not a folder")
