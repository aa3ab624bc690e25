"""Before and after: both sides show the same source frame.

The camera numbers its frames, the echo model inverts them.
"""

from pathlib import Path

from playwright.sync_api import Page, expect

from harness.browser import Browsers, camera_flags, start, visit, wait_until
from harness.echo_process import echo
from tests.browser.numbered_camera import READ, write_numbered_camera

PAIRS = 30
# The numbers of both canvases, read in one task, each time the edited video shows a new frame.
RECORD_PAIRS = f"""async (count) => {{
  {READ}
  const ids = ["comparison", "compared-source", "compared-result", "result"];
  const [root, source, result, video] = ids.map((id) => document.getElementById(id));
  const pairs = [];
  while (pairs.length < count) {{
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    await new Promise((done) => setTimeout(done, 5));
    pairs.push(root.hidden ? null : [number(source, false), number(result, true)]);
  }}
  return pairs;
}}"""


def expect_same_numbers(page: Page) -> None:
    wait_until(page, "!document.getElementById('comparison').hidden")
    pairs = page.evaluate(RECORD_PAIRS, PAIRS)
    assert all(pairs), "no comparison was shown"
    assert all(source is not None and source == result for source, result in pairs), pairs
    assert len({source for source, _ in pairs}) > PAIRS / 4, "the picture does not change"


def test_both_sides_show_the_same_frame(browsers: Browsers, chromium: Path, page_build: None, tmp_path: Path) -> None:
    write_numbered_camera(tmp_path / "numbered.y4m", width=256, height=144)
    with (
        echo("--size", "256x144") as server,
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
