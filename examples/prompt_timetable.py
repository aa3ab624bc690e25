"""Change a live session's prompt by a timetable: a text file with lines of `SECONDS PROMPT`."""

import sys
import time
from pathlib import Path

from lipar_client import client_of, client_parser

Entry = tuple[float, str]  # seconds from the start, prompt


def read_timetable(text: str) -> list[Entry]:
    """The entries in order of time; empty lines and lines that begin with # are skipped."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        seconds, _, prompt = line.strip().partition(" ")
        try:
            entries.append((float(seconds), prompt.strip()))
        except ValueError:
            raise SystemExit(f"line {number}: {line!r} is not SECONDS PROMPT") from None
    return sorted(entries)


def main() -> None:
    parser = client_parser(__doc__)
    parser.add_argument("timetable", type=Path)
    args = parser.parse_args()
    entries = read_timetable(args.timetable.read_text(encoding="utf-8"))
    client = client_of(args)
    start = time.monotonic()
    for seconds, prompt in entries:
        time.sleep(max(0.0, start + seconds - time.monotonic()))
        acknowledgement = client.change(prompt=prompt)
        print(f"{seconds:6.1f} s  {prompt!r} from block {acknowledgement['block']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
