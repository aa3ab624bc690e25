"""Before and after, on the stage and in a recording: both sides show the same source frame.

The camera numbers its frames, the echo model inverts them.
"""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from harness.browser import Browsers, camera_flags, start, visit, wait_until
from harness.echo_process import echo
from tests.browser.numbered_camera import BITS, READ, write_numbered_camera
from tests.browser.test_page_keep import IN_MEMORY, save

PAIRS = 30
RECORDED_MS = 2000
WIDTH, HEIGHT = 256, 144
# The numbers of both canvases, read in one task, each time the edited video shows a new frame, from the first equal
# pair on: until then the newest source frame is shown while the source is held.
RECORD_PAIRS = f"""async (count) => {{
  {READ}
  const ids = ["comparison", "compared-source", "compared-result", "result"];
  const [root, source, result, video] = ids.map((id) => document.getElementById(id));
  const pairs = [];
  for (let shown = 0; shown < 10 * count && pairs.length < count; shown++) {{
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    await new Promise((done) => setTimeout(done, 5));
    const pair = root.hidden ? null : [number(source, false), number(result, true)];
    if (pairs.length > 0 || (pair !== null && pair[0] === pair[1])) pairs.push(pair);
  }}
  return pairs;
}}"""


def expect_same_numbers(page: Page, count: int = PAIRS) -> None:
    wait_until(page, "!document.getElementById('comparison').hidden")
    pairs = page.evaluate(RECORD_PAIRS, count)
    assert len(pairs) == count, "both sides never show the same frame"
    assert all(pairs), "no comparison was shown"
    expect_mostly_equal(pairs)


def expect_mostly_equal(pairs: list[tuple[int | None, int | None]]) -> None:
    """A busy browser may draw the edited video's next frame, and a recorder may mix two of a canvas's pictures."""
    equal = [source for source, result in pairs if source is not None and source == result]
    assert len(equal) > 0.8 * len(pairs), pairs
    assert len(set(equal)) > len(pairs) / 4, "the picture does not change"


def test_both_sides_show_the_same_frame(browsers: Browsers, chromium: Path, page_build: None, tmp_path: Path) -> None:
    write_numbered_camera(tmp_path / "numbered.y4m", width=WIDTH, height=HEIGHT)
    with (
        echo("--size", f"{WIDTH}x{HEIGHT}") as server,
        browsers.context(chromium, *camera_flags(tmp_path / "numbered.y4m")) as context,
    ):
        page = visit(context, server.address)
        start(page)
        comparison = page.locator("#comparison")
        page.get_by_role("button", name="Before and after").click()
        expect_same_numbers(page)
        divider = page.get_by_label("Divider between source and edited picture")
        divider.press("ArrowRight")
        assert comparison.evaluate("(root) => root.style.getPropertyValue('--divider')") == "50.5%"
        page.get_by_role("button", name="Source as an inset").click()
        expect(comparison).to_be_hidden()
        expect(divider).to_be_hidden()

        page.get_by_role("button", name="Hold to see the source").focus()
        page.keyboard.down(" ")
        expect_same_numbers(page)
        page.keyboard.up(" ")
        expect(comparison).to_be_hidden()
        expect_same_numbers_in_a_recording(page, tmp_path)


def number_in(picture: NDArray[np.uint8], *, inverted: bool) -> int | None:
    """The number of the frame [H, W], as `READ` reads it."""
    centres = (np.arange(BITS) * 2 + 1) * WIDTH // (2 * BITS)
    upper, lower = ((picture[row, centres] > 127) != inverted for row in (HEIGHT // 4, 3 * HEIGHT // 4))
    return None if (upper == lower).any() else int((upper << np.arange(BITS)).sum())


def expect_same_numbers_in_a_recording(page: Page, folder: Path) -> None:
    page.evaluate(IN_MEMORY)
    page.get_by_label("Record with the source at the left").check()
    page.get_by_role("button", name="Record").click()
    page.wait_for_timeout(RECORDED_MS)
    path = save(page, "Stop recording", folder)
    assert path.stem.endswith("side-by-side")
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    assert frames[0].shape == (HEIGHT, 2 * WIDTH)
    pairs = [(number_in(one[:, :WIDTH], inverted=False), number_in(one[:, WIDTH:], inverted=True)) for one in frames]
    assert len(pairs) > RECORDED_MS / 1000 * 3
    expect_mostly_equal(pairs)
