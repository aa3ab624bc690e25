"""Video files as sources, and what the tests of sources do with the page."""

import time
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Page

from harness.browser import TIMEOUT_MS, expect_applied
from harness.camera import MEDIA
from harness.live_server import LiveServer
from tests.browser import recording

RECORD_S = 1.0
CLIP = MEDIA / "juggle.mp4"


def write_clip(path: Path, width: int, height: int, colour: tuple[int, int, int]) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=15, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(30):
            picture = np.full((height, width, 3), colour, np.uint8)
            picture[: height // 8] = number * 8  # a moving part
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))


def choose(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="File", exact=True).click()
    chooser.value.set_files(path)


def disable_editing(page: Page) -> None:
    """Autoencoder only: the result is the source's picture, delayed."""
    page.get_by_label("Noise").fill("0")
    expect_applied(page, "#strength-note")


def mean_result(page: Page, settle_s: float = 0.0, max_error: float = 0.08) -> np.ndarray:
    """The result's mean frame, as soon as it moves and differs from the source's by less than `max_error`."""
    page.wait_for_timeout(settle_s * 1000)
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while True:
        for video in ("source", "result"):
            recording.discard(page, video)
        page.wait_for_timeout(RECORD_S * 1000)
        result, source = recording.take(page, "result"), recording.take(page, "source")
        mean = result.rgb.mean(axis=0)
        error = np.abs(mean - source.rgb.mean(axis=0)).mean()
        if len(np.unique(result.rgb, axis=0)) > 2 and error < max_error:
            return mean
        assert time.monotonic() < deadline, f"the result does not change, or differs by {error:.2f} from the source"


def session_id(page: Page, server: LiveServer) -> str:
    (session,) = page.request.get(f"{server.address}/api/v1/sessions").json()
    return str(session["id"])
