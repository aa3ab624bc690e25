"""Writes docs/sample-output.md: what `lipar doctor` and `lipar download` print, recorded on this machine.

python -m benchmarks.sample_output

The downloads are those of the real client, from a local server with small files in place of the checkpoints.
"""

import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.hub_server import hub_of_small_files
from harness.local import ROOT
from lipar_cli.weights.sources import sources

PAGE = ROOT / "docs" / "sample-output.md"
LIPAR = [sys.executable, "-m", "lipar_cli.main"]
LARGEST = next(source for source in sources() if source.target.endswith("self_forcing_dmd.pt"))
BYTES = 25_000_000  # of the largest file; the client writes 10 MB at a time

HEAD = """\
# Sample output

Recorded by `python -m benchmarks.sample_output`, not typed. Paths of the machine and its kernel's version are replaced.

## lipar doctor

Two cores of an AMD EPYC without a GPU, much other work on the same cores. The second command plans for a GPU that is
not there.
"""
DOWNLOAD = """
## lipar download

The client is Hugging Face's, the server a local one that speaks the hub's protocol for files
(`harness/hub_server.py`): sizes are not the real ones. The second command is interrupted with Ctrl-C while the server
holds back the rest of the first file.
"""
RANGES = """
The third command asked for the rest only. `Range` headers of both requests for that file:

```text
{ranges}
```

A file that differs from the checksum that the hub announced is removed:
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(HEAD + doctor() + DOWNLOAD + download(Path(folder)), encoding="utf-8")


def doctor() -> str:
    commands = ["doctor", "--preset", "tiny"], ["doctor", "--preset", "wan-1.3b", "--vram", "16"]
    with tempfile.TemporaryDirectory() as weights:  # empty: no checkpoint of this machine is found
        return "".join(transcript(command, {"LIPAR_WEIGHTS": weights}) for command in commands)


def download(folder: Path) -> str:
    hub = hub_of_small_files()
    hub.files[LARGEST.origin] = os.urandom(1000) * (BYTES // 1000)
    environment = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "hf"),
        "LIPAR_TAEHV_URL": f"{hub.url}/raw/taew2_1.pth",
        "LIPAR_WEIGHTS": str(folder / "weights"),
    }
    text = transcript(["download", "wan-1.3b", "--dry-run"], environment)
    hub.stall.set()
    text += transcript(["download", "wan-1.3b"], environment, interrupt_in=folder)
    hub.stall.clear()
    for command in (["download", "wan-1.3b"], ["models", "verify"]):
        text += transcript(command, environment)
    ranges = hub.transfers(f"storage/{LARGEST.origin}")
    text += RANGES.format(ranges="\n".join(name or "none: the whole file" for name in ranges))
    hub.altered.add(LARGEST.origin)
    text += transcript(["download", "wan-1.3b"], environment | {"LIPAR_WEIGHTS": str(folder / "other")})
    hub.shutdown()
    hub.server_close()
    return without_repeated_plans(text)


def without_repeated_plans(text: str) -> str:
    """The list of files, sizes and licences only where it is printed first."""
    first, *rest = text.split("\n```text\n$ lipar ")[1:]
    blocks = [re.sub(r"(?:^wan-1\.3b/\S+  .* from .*\n)+", "...\n", block, flags=re.M) for block in rest]
    return "".join(f"\n```text\n$ lipar {block}" for block in (first, *blocks))


def transcript(command: Sequence[str], variables: Mapping[str, str], interrupt_in: Path | None = None) -> str:
    """A block with the command, its output and exit code.

    interrupt_in: the folder in which the command is interrupted at its first partial file with content.
    """
    process = subprocess.Popen(
        [*LIPAR, *command],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if interrupt_in is not None:
        while process.poll() is None and not any(path.stat().st_size for path in interrupt_in.rglob("*.partial")):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    for private, public in {**replacements(variables), platform.release(): "..."}.items():
        output = output.replace(private, public)
    return f"\n```text\n$ lipar {' '.join(command)}\n{output}exit code {process.returncode}\n```\n"


def replacements(variables: Mapping[str, str]) -> dict[str, str]:
    """What must not be published, and what is shown in its place."""
    weights = variables["LIPAR_WEIGHTS"]
    hub = {variables["HF_ENDPOINT"]: "http://HUB"} if "HF_ENDPOINT" in variables else {}
    return {weights: "~/.cache/lipar", **hub, str(ROOT): "~/lipar-live", str(Path.home()): "~"}


if __name__ == "__main__":
    main()
