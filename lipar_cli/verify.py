"""`lipar verify FILE...`: checks that this install reproduces recorded runs of the published models."""

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
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="golden .safetensors file")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), help="default: the one recorded, else float32"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from lipar_core.models.devices import select_device
    from lipar_core.verify import verify_file

    select_device(args.device)
    code = 0
    for path in args.files:
        try:
            result = verify_file(path, args.device, args.dtype)
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
