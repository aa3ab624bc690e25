"""The page on this machine: `python -m benchmarks.page [SECONDS [SIZE]]`, best under `taskset -c 0,1`.

Starts the server with the tiny preset and a headless Chromium whose camera plays a clip at its frame rate, and
prints the server's statistics after a settling time.
"""

import contextlib
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.browser import browser, camera_flags, start, stop, visit
from harness.camera import write_camera
from harness.live_server import running_server

CLIP, FRAMES = "webcam_desk.mp4", 120
SETTLE_S = 5
FILL_AND_LAG = 6  # frames that fill a block, and the codec's lag, with blocks of one latent frame
TRANSPORT_MS = 150  # budget of transport and pacing


def main(seconds: int, size: str) -> None:
    chromium = next(Path(path) for name in ("chromium", "google-chrome") if (path := shutil.which(name)))
    samples: list[dict[str, Any]] = []
    flags = ("--threads", "2", "--size", size)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), running_server(*flags) as server:
        camera = Path("camera.y4m")
        write_camera(CLIP, camera, width=640, height=480, frames=FRAMES)
        with browser(chromium, *camera_flags(camera)) as context:
            page = visit(context, server.address)
            start(page)
            page.wait_for_timeout(SETTLE_S * 1000)
            for _ in range(seconds):
                page.wait_for_timeout(1000)
                samples.append(page.request.get(f"{server.address}/api/v1/sessions").json()[0]["stats"])
            stop(page, server)
    for name in ("fps_in", "model_fps", "fps_out", "keep_ratio", "latency_ms"):
        values = [sample[name] for sample in samples]
        print(f"{name}: median {statistics.median(values):.2f}, {min(values):.2f} to {max(values):.2f}")
    stages = [sample["latency_stages_ms"] for sample in samples]
    total = statistics.median(sum(stage.values()) for stage in stages)
    block_ms = statistics.median(stage["model"] for stage in stages)
    fps = statistics.median(sample["fps_out"] for sample in samples)
    bound = FILL_AND_LAG * 1000 / fps + block_ms + TRANSPORT_MS
    print(f"picture to picture {total:.0f} ms, {' + '.join(f'{name} {ms:.0f}' for name, ms in stages[-1].items())}")
    print(
        f"bound: {FILL_AND_LAG} frames at {fps:.1f} fps + block {block_ms:.0f} ms + {TRANSPORT_MS} ms = {bound:.0f} ms"
    )


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv[1:]))
    main(int(arguments.get(0, "30")), arguments.get(1, "256x144"))
