"""`python -m lipar_cli.probe PRESET SIZE...`: measures the speed of each size, until one is fast enough."""

import argparse
import json
import os
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lipar_cli.probe", description=__doc__)
    parser.add_argument("preset")
    parser.add_argument("sizes", nargs="+", help="WIDTHxHEIGHT, the largest first")
    parser.add_argument("--needed", type=float, default=0.0, help="frames per second")
    parser.add_argument("--device")
    parser.add_argument("--dtype")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the model process

    from lipar_cli.threads import set_threads
    from lipar_core.errors import LiparError
    from lipar_core.models.loading import load_models
    from lipar_core.presets import load_preset
    from lipar_core.speed import measured_fps

    try:
        set_threads(args.threads)
        models = load_models(load_preset(args.preset), args.device, args.dtype)
        for size in args.sizes:
            fps = measured_fps(models, size, needed=args.needed)
            print(json.dumps({"size": size, "dtype": str(models.precision), "fps": fps}), flush=True)
            if fps >= args.needed:
                break
    except LiparError as error:
        print(f"lipar: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
