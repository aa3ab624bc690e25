"""Follow a live session: one line of statistics per second, and when a change has taken effect."""

import json
import sys
import time
from typing import Any

from lipar_client import LiparClient, client_of, client_parser


def make_change(client: LiparClient, changes: dict[str, Any]) -> None:
    """Change parameters; print when the acknowledgement comes and when its block has been edited."""
    start = time.monotonic()
    acknowledgement = client.change(**changes)
    acknowledged_ms = 1000 * (time.monotonic() - start)
    print(f"acknowledged after {acknowledged_ms:.0f} ms: takes effect at block {acknowledgement['block']}", flush=True)
    if acknowledgement["pending"]:
        print("the session is paused: it takes effect when the session resumes")
        return
    client.wait_for_block(acknowledgement["block"])
    print(f"in effect after {1000 * (time.monotonic() - start):.0f} ms", flush=True)


def describe(status: dict[str, Any]) -> str:
    """One line; statistics that are not known yet are left out."""
    stats = status["stats"]
    parts = [status["state"], f"block {stats['block']}", f"{stats['fps_out']:.1f} fps"]
    if stats["keep_ratio"] is not None:
        parts.append(f"{stats['keep_ratio']:.0%} computed")
    if stats["latency_ms"] is not None:
        parts.append(f"{stats['latency_ms']} ms latency")
    parts.append(f"{stats['dropped_frames']} dropped")
    return ", ".join(parts) + (f" ({status['reason']})" if status["reason"] else "")


def main() -> None:
    parser = client_parser(__doc__)
    parser.add_argument("--set", type=json.loads, metavar="JSON", help="make this change first")
    parser.add_argument("--seconds", type=int, default=10, help="how long to follow (default: 10)")
    args = parser.parse_args()
    client = client_of(args)
    if args.set:
        make_change(client, args.set)
    for _ in range(args.seconds):
        time.sleep(1)
        print(describe(client.status()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
