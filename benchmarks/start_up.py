"""From `lipar serve` to ready, and the memory that loading takes, with random checkpoints of the large preset's sizes.

python -m benchmarks.start_up FOLDER [FLAGS OF lipar serve ...]

Writes 17 GB of checkpoints to FOLDER unless they are there, and starts the server three times: the first start converts
weights. After each start the files that the model process has mapped are read once, for comparison: on a busy machine
that takes longer, too. On a CPU the picture is 64x64, so that the warm-up's two blocks hardly count. `--text-dtype
int8` is a flag.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import yaml

from harness.live_server import SERVE
from harness.local import free_port
from harness.random_checkpoints import write_checkpoints
from lipar_core.preset_files import presets_folder
from lipar_core.presets import load_preset

PRESET = "wan-1.3b"
STARTS = 3
TIMEOUT_S = 3600
SETTINGS = {"LIPAR_LOAD_TIMEOUT_S": str(TIMEOUT_S)}


def main() -> None:
    folder, *flags = sys.argv[1:]
    preset = write_preset(Path(folder))
    for start in range(1, STARTS + 1):
        print(f"start {start}: {measure(preset, Path(folder), flags)}", flush=True)


def write_preset(folder: Path) -> Path:
    """The checkpoints, and a preset of its own where there is no GPU. Returns the preset's path."""
    preset = load_preset(PRESET)
    if not (folder / preset.weights.text).is_dir():
        write_checkpoints(folder, preset)
    import torch

    tree = yaml.safe_load((presets_folder() / f"{PRESET}.yaml").read_text(encoding="utf-8"))
    if not torch.cuda.is_available():
        tree |= {"device": "cpu", "dtype": "bfloat16"}
        tree["stream"] |= {"width": 64, "height": 64}
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def measure(preset: Path, folder: Path, flags: list[str]) -> str:
    """One start: seconds, and GB of the model process's anonymous memory, which excludes mapped files."""
    port = free_port()
    command = [*SERVE, "--preset", str(preset), "--port", str(port), *flags]
    started = time.monotonic()
    server = subprocess.Popen(command, env={**os.environ, **SETTINGS, "LIPAR_WEIGHTS": str(folder)})
    watch = ModelProcessWatch(server.pid)
    try:
        while (worker := ready_worker(port)) is None:
            if server.poll() is not None or time.monotonic() - started > TIMEOUT_S:
                raise SystemExit("the server ended, or was not ready in time")
            time.sleep(0.05)
        total_s = time.monotonic() - started
        files = mapped_files(server.pid, folder)
    finally:
        watch.stop()
        server.terminate()
        server.wait()
    size_gb = sum(file.stat().st_size for file in files) / 1e9
    return (
        f"ready after {total_s:.1f} s, of which the model process took {worker['ready_after_s']:.1f} s and "
        f"{watch.cpu_s:.1f} CPU s; anonymous memory: peak {watch.peak_gb:.2f} GB, then {watch.anonymous_gb:.2f} GB; "
        f"reading its {size_gb:.1f} GB of files then took {read_s(files):.1f} s"
    )


def ready_worker(port: int) -> dict[str, float] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            worker: dict[str, float] = json.load(reply)["workers"][0]
            return worker
    except OSError:  # not listening yet, or 503
        return None


def mapped_files(server: int, folder: Path) -> set[Path]:
    """The files below `folder` that a server's children have mapped."""
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in children_of(server)]
    paths = {Path(line.split(maxsplit=5)[5]) for text in maps for line in text.splitlines() if str(folder) in line}
    return {path for path in paths if path.is_file()}


def read_s(files: set[Path]) -> float:
    """Seconds that reading all bytes takes."""
    started = time.monotonic()
    buffer = bytearray(2**24)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return time.monotonic() - started


def children_of(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class ModelProcessWatch:
    """Samples the largest child of a server, its model process, until `stop`."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.anonymous_gb = 0.0  # memory that is not a page of a file
        self.peak_gb = 0.0
        self.cpu_s = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.01):
            samples = [sample(pid) for pid in children_of(self.server)]
            self.anonymous_gb, self.cpu_s = max(samples, default=(0.0, 0.0))
            self.peak_gb = max(self.peak_gb, self.anonymous_gb)


def sample(pid: int) -> tuple[float, float]:
    """A process's anonymous memory in GB, and its processor seconds."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0, 0.0
    anonymous = re.search(r"RssAnon:\s+(\d+)", status)
    ticks = int(times[11]) + int(times[12])  # user and system, of all threads
    return int(anonymous[1]) / 1e6 if anonymous else 0.0, ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
