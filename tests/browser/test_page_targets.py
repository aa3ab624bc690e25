"""What the page weighs, and how soon and how smoothly it responds."""

import gzip
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from harness.browser import Browsers, camera_flags, start, visit, wait_until
from harness.echo_process import echo
from harness.local import ROOT
from tests.browser.conftest import Camera

MAX_BYTES = 200_000
MAX_S = 1.0
MAX_TASK_MS = 100
LIVE_MS = 20_000
STATIC = ROOT / "server" / "static"
RESULTS = ROOT / "soak-results" / "page_response.json"
OBSERVE = """
  const poll = setInterval(() => {
    if (document.getElementById("start")?.disabled !== false) return;
    window.interactive_s = performance.now() / 1000;
    clearInterval(poll);
  }, 10);
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "longtask", buffered: true });
"""
SECONDS_TO_FRAME = """() => new Promise((resolve) => {
  const begin = performance.now();
  document.getElementById("result").requestVideoFrameCallback(() => resolve((performance.now() - begin) / 1000));
  document.getElementById("start").click();
})"""


def is_loaded_when_chosen(path: Path) -> bool:
    """The segmentation and the sample clip."""
    return "segmentation" in path.name or path.name == "sample.webm"


def test_the_page_is_small(page_build: None) -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file() and not is_loaded_when_chosen(path)]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in files}
    assert {"index.html", "strip.webp"} < sizes.keys()
    assert sum(sizes.values()) < MAX_BYTES, sizes


@pytest.mark.soak
def test_the_page_responds_at_once(browsers: Browsers, chromium: Path, camera: Camera) -> None:
    """On an idle machine, with the echo model; the values are written to `soak-results/page_response.json`."""
    with echo("--size", "256x144") as server, browsers.context(chromium, *camera_flags(camera.path)) as context:
        page = visit(context, server.address)
        wait_until(page, "!document.getElementById('start').disabled")
        start(page)
        page.get_by_role("button", name="Stop", exact=True).click()
        context.add_init_script(OBSERVE)
        page.reload()
        wait_until(page, "!document.getElementById('start').disabled")
        interactive_s = page.evaluate("window.interactive_s")
        first_frame_s = page.evaluate(SECONDS_TO_FRAME)
        page.wait_for_timeout(LIVE_MS)
        tasks = tasks_of(page)
        measured = {"interactive_s": interactive_s, "first_frame_s": first_frame_s, "tasks_over_50_ms": tasks}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(measured))
        assert max(interactive_s, first_frame_s) <= MAX_S, (interactive_s, first_frame_s)
        assert max(tasks, default=0) <= MAX_TASK_MS, tasks


def tasks_of(page: Page) -> list[float]:
    """Durations of the tasks over 50 ms while the page is live, the longest first."""
    return sorted(page.evaluate("window.tasks"), reverse=True)
