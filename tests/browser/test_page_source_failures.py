"""Failures of sources: files that cannot be played, a cancelled picker, the end of sharing, an insecure page."""

from pathlib import Path

from playwright.sync_api import Page, expect

from harness.browser import TIMEOUT_MS, Browsers, expect_banner, expect_pill, start, stop, visit
from harness.live_server import LiveServer
from tests.browser import recording
from tests.browser.sources import CLIP, choose, disable_editing, mean_result, session_id

# The effects of Cancel in the browser's picker and Stop in its bar, which a test cannot press.
CANCEL = """
() => {
  const cancelled = new DOMException("Permission denied", "NotAllowedError");
  navigator.mediaDevices.getDisplayMedia = () => Promise.reject(cancelled);
}
"""
END = """
() => {
  const [track] = document.getElementById("source").srcObject.getVideoTracks();
  track.stop();
  track.dispatchEvent(new Event("ended"));
}
"""


def test_the_camera_is_kept_when_a_file_cannot_be_played(page: Page, clips: dict[str, Path]) -> None:
    start(page)
    choose(page, clips["broken"])
    expect_banner(page, "broken.mp4 cannot be played", "does not know its format")
    expect(page.get_by_role("button", name="Camera", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="OK").click()
    expect(page.locator("#banner")).to_be_hidden()
    expect_pill(page, "Live")


def test_a_cancelled_screen_picker_changes_nothing(page: Page) -> None:
    page.evaluate(CANCEL)
    page.get_by_role("button", name="Screen", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect_pill(page, "Ready")
    expect(page.locator("#banner")).to_be_hidden()
    page.get_by_role("button", name="Camera", exact=True).click()
    start(page)
    page.get_by_role("button", name="Screen", exact=True).click()
    page.wait_for_timeout(500)
    expect(page.locator("figcaption.source-name")).to_have_text("Camera")
    expect(page.locator("#banner")).to_be_hidden()
    expect_pill(page, "Live")


def test_the_end_of_screen_sharing_is_reported(page: Page, live_server: LiveServer) -> None:
    page.get_by_role("button", name="Screen", exact=True).click()
    start(page)
    first_id = session_id(page, live_server)
    page.evaluate(END)
    expect_banner(page, "Screen sharing ended", "choose what to send next")
    expect_pill(page, "Live")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("figcaption.source-name")).to_have_text("Camera", timeout=TIMEOUT_MS)
    expect(page.locator("#banner")).to_be_hidden()
    assert session_id(page, live_server) == first_id


def test_an_insecure_page_can_send_a_file(browsers: Browsers, chromium: Path, live_server: LiveServer) -> None:
    with browsers.context(chromium, "--host-resolver-rules=MAP lipar.test 127.0.0.1") as context:
        page = visit(context, f"http://lipar.test:{live_server.port}")
        expect_pill(page, "Not secure")
        expect(page.get_by_role("button", name="Camera", exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Screen", exact=True)).to_be_hidden()
        choose(page, CLIP)
        start(page)
        recording.start(page)
        disable_editing(page)
        mean_result(page)
        stop(page, live_server)
