"""`lipar verify FILE...`: checks that this install reproduces recorded runs of the published models.

`--against DTYPE`: how far a preset's latents drift from those in another dtype.
"""

import argparse
import sys
from pathlib import Path

from lipar_core.errors import LiparError

FAILED, UNREADABLE = 1, 2


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "verify",
        help="repeat recorded runs of the published models",
        description="Repeat golden files on this machine; exit code 1: past a tolerance, 2: a file cannot be read.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="golden .safetensors file")
    parser.add_argument("--device", help="cpu or cuda (default: cpu; with --against the preset's)")
    parser.add_argument("--dtype", help="default: the one recorded, else float32; with --against the preset's")
    parser.add_argument("--against", metavar="DTYPE", help="report a preset's drift of latents from this dtype")
    parser.add_argument("--preset", default="tiny", help="for --against (default: tiny)")
    parser.add_argument("--random-weights", action="store_true", help="for --against: without the preset's checkpoints")
    parser.add_argument("--blocks", type=int, default=20, help="for --against (default: 20)")
    parser.add_argument("--limit", type=float, help="for --against: exit code 1 if a block drifts further (2e-2, say)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if bool(args.files) == bool(args.against):
        raise LiparError("give either golden files, or --against DTYPE")
    return report_drift(args) if args.against else verify_files(args)


def report_drift(args: argparse.Namespace) -> int:
    """Prints the relative L2 of every block's x0."""
    from lipar_core.drift import latent_drift
    from lipar_core.presets import load_preset, with_random_weights

    if args.blocks < 1:
        raise LiparError(f"--blocks = {args.blocks}: must be at least 1")
    preset = load_preset(args.preset)
    preset = with_random_weights(preset) if args.random_weights else preset
    errors = latent_drift(preset, args.device, args.dtype, args.against, args.blocks)
    print(f"preset {preset.name}, {args.dtype or preset.dtype} against {args.against}: relative L2 of x0, by block")
    print(" ".join(f"{error:.1e}" for error in errors))
    return 0 if args.limit is None or all(error <= args.limit for error in errors) else FAILED  # NaN fails


def verify_files(args: argparse.Namespace) -> int:
    from lipar_core.models.devices import select_device
    from lipar_core.verify import verify_file

    device = args.device or "cpu"
    select_device(device)
    code = 0
    for path in args.files:
        try:
            result = verify_file(path, device, args.dtype)
        except LiparError as error:  # the other files are still checked
            if args.debug:
                raise
            print(f"lipar: {error}", file=sys.stderr)
            code = UNREADABLE
            continue
        word = "ok" if result.passed else "FAILED"
        print(
            f"{path}: {result.kind}: {word}: largest error {result.error:.2e} ({result.measure}, in "
            f"{result.worst}), tolerance {result.tolerance:.0e}"
        )
        code = code if result.passed else max(code, FAILED)
    return code
