"""Camera, screen and files in one session, in any aspect ratio."""

from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Request, expect

from harness.browser import TIMEOUT_MS, expect_applied, expect_banner, expect_pill, start, wait_until
from harness.live_server import LiveServer
from tests.browser import recording
from tests.browser.sources import CLIP, choose, disable_editing, mean_result, session_id

SETTLE_S = 3  # from a switch to its frames

NO_CAMERA = """
() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error("the camera was opened"));
}
"""
# The top of the edited picture is black, its middle is the clip's blue.
SHOWS_BARS = """
() => {
  const context = new OffscreenCanvas(9, 16).getContext("2d");
  context.drawImage(document.getElementById("result"), 0, 0, 9, 16);
  const { data } = context.getImageData(4, 0, 1, 16);
  return Math.max(...data.slice(4, 7)) < 50 && data[8 * 4 + 2] > 120;
}
"""
DROP = """
(target) => {
  const [file] = document.getElementById("test-file").files;
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
  for (const kind of ["dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
  }
}
"""


def test_the_sample_clip_is_a_source_for_those_without_a_camera(page: Page) -> None:
    page.evaluate(NO_CAMERA)
    page.evaluate("delete HTMLMediaElement.prototype.captureStream")  # as in Safari
    page.get_by_role("button", name="Try without a camera").click()
    expect_pill(page, "Live")
    expect(page.locator("figcaption.source-name")).to_have_text("Sample clip")
    size = page.locator("#source").evaluate("video => [video.videoWidth, video.videoHeight]")
    assert size == [480, 270]
    recording.start(page)
    for video in ("source", "result"):
        recording.wait_for_frames(page, video, 5)
        assert len(np.unique(recording.take(page, video).rgb, axis=0)) > 2, "the picture does not change"


def test_sources_follow_one_another_in_one_session(page: Page, live_server: LiveServer, clips: dict[str, Path]) -> None:
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    start(page)
    first_id = session_id(page, live_server)
    post_count = len(posts)
    recording.start(page)
    disable_editing(page)
    seen = [mean_result(page)]
    for path in (CLIP, clips["portrait"], clips["wide"]):
        choose(page, path)
        expect(page.locator("figcaption.source-name")).to_have_text(path.name, timeout=TIMEOUT_MS)
        seen.append(mean_result(page))
    page.get_by_role("button", name="Screen", exact=True).click()
    expect(page.locator("figcaption.source-name")).to_have_text("Screen", timeout=TIMEOUT_MS)
    seen.append(mean_result(page))
    page.get_by_role("button", name="Camera", exact=True).click()
    expect(page.locator("figcaption.source-name")).to_have_text("Camera", timeout=TIMEOUT_MS)
    back = mean_result(page, settle_s=1)  # of the camera alone: a mixture with the screen is too near to its source
    for number, result in enumerate(seen):
        for other in seen[:number]:
            assert np.abs(result - other).mean() > 0.1, "two sources look the same"
    distances = [np.abs(back - result).mean() for result in seen]  # the fake camera's picture changes: never quite 0
    assert distances[0] < 0.5 * min(distances[1:]), distances
    expect_pill(page, "Live")
    assert session_id(page, live_server) == first_id
    assert len(posts) == post_count


def test_the_previous_source_does_not_show_through(page: Page) -> None:
    choose(page, CLIP)
    start(page)
    page.get_by_role("button", name="No edit").click()
    expect_applied(page, "#prompt-note")
    recording.start(page)
    page.wait_for_timeout(SETTLE_S * 1000)
    page.get_by_role("button", name="Screen", exact=True).click()
    expect(page.locator("figcaption.source-name")).to_have_text("Screen", timeout=TIMEOUT_MS)
    mean_result(page, SETTLE_S, max_error=0.18)  # 0.29 with the clip in the model's history, 0.1 without


def test_a_portrait_source_has_a_portrait_session_and_frames_no_larger_than_its_picture(
    page: Page, live_server: LiveServer, clips: dict[str, Path]
) -> None:
    page.evaluate("""() => {
      const Real = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Real { constructor(...all) { super(...all); window.pc = this; } };
    }""")
    choose(page, clips["portrait"])
    start(page)
    sends = """async ([width, height]) => {
      const stats = [...(await window.pc.getStats()).values()];
      const out = stats.find(({ type, kind }) => type === "outbound-rtp" && kind === "video");
      return out.frameWidth === width && Math.abs(out.frameHeight - height) <= 1;
    }"""
    wait_until(page, sends, [144, 256])  # 270x480 scaled down to the picture of a portrait session
    (session,) = page.request.get(f"{live_server.address}/api/v1/sessions").json()
    assert session["model"]["size"] == "144x256"
    wait_until(page, "() => document.getElementById('result').videoHeight === 256")
    with page.expect_request_finished(is_reset):  # which follows after a latency
        choose(page, clips["wide"])
        wait_until(page, sends, [910, 256])  # 1280x360 scaled down to cover the session's picture
    disable_editing(page)
    page.get_by_label("Fit", exact=True).select_option("fit")
    expect_applied(page, "#fit-note")
    wait_until(page, SHOWS_BARS)


def is_reset(request: Request) -> bool:
    return '"reset"' in (request.post_data or "")


def test_a_file_starts_a_session_without_a_camera(page: Page, live_server: LiveServer) -> None:
    page.add_init_script(f"({NO_CAMERA})()")
    page.reload()
    choose(page, CLIP)
    expect(page.get_by_role("button", name="File", exact=True)).to_have_attribute("aria-pressed", "true")
    start(page)
    recording.start(page)
    disable_editing(page)
    mean_result(page)
    before = session_id(page, live_server)
    for _ in range(2):  # the file has to be chosen again, the session is kept, and no camera is opened
        page.reload()
        expect_banner(page, "Your session is still open", "press Start")
        expect(page.get_by_role("button", name="File", exact=True)).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    choose(page, CLIP)
    start(page)
    assert session_id(page, live_server) == before


def test_a_screen_starts_a_session_without_a_camera(page: Page) -> None:
    page.get_by_role("button", name="Screen", exact=True).click()
    start(page)
    expect(page.locator("figcaption.source-name")).to_have_text("Screen")


def test_a_file_can_be_dropped_on_the_picture(page: Page) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<input type=file id=test-file>')")
    page.locator("#test-file").set_input_files(CLIP)
    start(page)
    page.locator("#source").evaluate(DROP)
    expect(page.locator("figcaption.source-name")).to_have_text(CLIP.name, timeout=TIMEOUT_MS)
    expect_pill(page, "Live")
