"""The live page: a camera clip in, pixels of the result video out, and every control."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from harness.browser import (
    TIMEOUT_MS,
    Browsers,
    expect_applied,
    expect_pill,
    expect_state,
    start,
    stop,
    visit,
    wait_until,
)
from harness.live_server import LiveServer
from tests.browser import recording
from tests.browser.conftest import Camera

MIN_PLAYING_S = 12
MAX_GAP_S = 5  # between two shown frames: detects a frozen video, tolerates a slow machine
RECORD_PLAYOUT = """
window.playout = [];
const send = RTCDataChannel.prototype.send;
RTCDataChannel.prototype.send = function (text) {
  if (text.startsWith("{")) window.playout.push(JSON.parse(text).playout_ms);
  send.call(this, text);
};
"""
LATENCY = """
() => [
  [...document.querySelectorAll("#latency-legend span")].map(({ textContent }) => textContent),
  Number(document.getElementById("latency").textContent),
]
"""
STAGES = ["upload", "wait", "model", "smoothing", "encoding", "download"]
SETTLE_S = 3  # from a block to its frames on screen, including the browser's buffered frames


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer) -> Iterator[Page]:
    """The page, live."""
    page = visit(context, live_server.address)
    start(page)
    yield page
    stop(page, live_server)


def test_edited_frames_arrive_and_follow_the_prompt(page: Page, camera: Camera) -> None:
    started = time.monotonic()
    recording.start(page)
    slider = page.get_by_label("Noise")
    strength = slider.input_value()

    slider.fill("0")  # autoencoder only: the same frames, delayed
    expect_applied(page, "#strength-note")
    result, source = record_loop(page, camera)
    delay_s = recording.delay_between(source, result)
    same = source.at(result.times - delay_s)
    assert np.abs(result.rgb - same.rgb).mean() < 0.05
    assert np.median(result.saturation / same.saturation) > 0.8

    slider.fill(strength)
    page.get_by_role("button", name="Pencil sketch").click()
    expect_applied(page, "#prompt-note")
    result, source = record_loop(page, camera)
    same = source.at(result.times - delay_s)  # the same time in the loop
    assert np.abs(result.rgb - same.rgb).mean() > 0.05
    assert np.median(result.saturation / same.saturation) < 0.5

    expect_no_gap(page, max(0.0, MIN_PLAYING_S - (time.monotonic() - started)), last=result.times[-1])
    wait_until(page, "Number(document.getElementById('fps').textContent) > 0")  # of the last second
    assert float(page.locator("#latency").inner_text()) > 0


def record_loop(page: Page, camera: Camera) -> tuple[recording.Recording, recording.Recording]:
    """One loop of the result, and the camera's frames up to its end."""
    page.wait_for_timeout(SETTLE_S * 1000)
    recording.take(page, "result")
    page.wait_for_timeout(camera.loop_s * 1000)
    result, source = recording.take(page, "result"), recording.take(page, "source")
    assert len(np.unique(result.rgb, axis=0)) > 4, "the result does not change while the camera moves"
    return result, source


def expect_no_gap(page: Page, seconds: float, last: float) -> None:
    page.wait_for_timeout(seconds * 1000)
    now = page.evaluate("performance.now() / 1000")
    times = np.concatenate([[last], recording.take(page, "result").times, [now]])
    assert np.diff(times).max() < MAX_GAP_S


def test_every_control_shows_the_block_or_the_reason(page: Page) -> None:
    blocks = []
    page.get_by_label("Prompt", exact=True).fill("an oil painting")
    page.get_by_label("Prompt", exact=True).press("Enter")
    blocks.append(expect_applied(page, "#prompt-note"))
    expect(page.get_by_role("button", name="Oil painting")).to_have_attribute("aria-pressed", "true")
    for label, note in [
        ("Noise", "#strength-note"),
        ("Ignore changes below", "#pruning-threshold-note"),
        ("Minimum recomputed", "#pruning-min-keep-note"),
    ]:
        page.get_by_label(label).press("ArrowRight")
        blocks.append(expect_applied(page, note))
    page.get_by_label("Reuse unchanged parts").uncheck()
    blocks.append(expect_applied(page, "#pruning-enabled-note"))
    expect(page.locator("#keep-ratio")).to_have_text("100", timeout=TIMEOUT_MS)
    expect(page.get_by_label("Ignore changes below")).to_be_disabled()
    assert blocks == sorted(blocks)

    page.get_by_label("Prompt", exact=True).fill("   ")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_have_text("Type a prompt first")
    expect_pill(page, "Live")


def test_pause_freezes_the_picture_and_restart_continues(page: Page) -> None:
    recording.start(page)
    page.get_by_role("button", name="Pause").click()
    expect_pill(page, "Paused")
    page.get_by_label("Noise").press("ArrowLeft")
    expect(page.locator("#strength-note")).to_have_text("Will apply when you resume", timeout=TIMEOUT_MS)
    page.wait_for_timeout(SETTLE_S * 1000)
    recording.take(page, "result")
    page.wait_for_timeout(1000)
    paused = recording.take(page, "result").rgb
    assert np.abs(paused - paused[:1]).max() < 0.1, "the picture moves while paused"
    page.get_by_role("button", name="Resume").click()
    expect_pill(page, "Live")
    expect_applied(page, "#strength-note")  # the pending note ends with the pause
    page.get_by_role("button", name="Restart").click()
    expect(page.locator("#action-note")).to_have_text("Restarted", timeout=TIMEOUT_MS)


def test_latency_is_shown_by_stage_including_the_page_s_own(
    browsers: Browsers, chromium: Path, live_server: LiveServer
) -> None:
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with browsers.context(chromium, *flags) as context:
        context.add_init_script(RECORD_PLAYOUT)
        page = visit(context, live_server.address)
        start(page)
        wait_until(page, "window.playout.length > 2")
        assert 0 < max(page.evaluate("window.playout")) < 1000
        expect(page.locator("#latency-legend span")).to_have_count(len(STAGES), timeout=TIMEOUT_MS)
        expect(page.locator("#latency-bar div")).to_have_count(len(STAGES))
        entries, total = page.evaluate(LATENCY)
        names, times = zip(*(entry.rsplit(" ", 1) for entry in entries), strict=True)
        assert list(names) == STAGES
        assert abs(sum(map(int, times)) - total) <= len(STAGES)  # each is rounded
        expect_verdict_and_plots(page)
        stop(page, live_server)


def expect_verdict_and_plots(page: Page) -> None:
    """The verdict of the connection, and the plots of the last minute with their texts."""
    expect(page.locator("#verdict")).to_have_text(re.compile("Stream: (good|fair|poor|very poor)"))
    page.locator("#open-connection").click()
    plots = page.locator(".plot svg")
    expect(plots).to_have_count(5)
    described = re.compile(r"on screen: \d+ now, \d+ to \d+ in the last minute")
    expect(plots.nth(0)).to_have_attribute("aria-label", described)
    expect(plots.nth(3)).to_have_attribute("aria-label", re.compile(r"download: \d\.\d Mbit/s now"))
    expect(plots.nth(1).locator("polygon")).to_have_count(len(STAGES))
    heights = plots.nth(0).locator("polyline.series").first.evaluate("line => [...line.points].map(({ y }) => y)")
    assert len(heights) >= 4
    assert all(0 <= height <= 100 for height in heights), heights


def test_the_page_shows_the_preset(page: Page) -> None:
    expect(page.locator("#vocabulary")).to_contain_text("styles")
    expect(page.locator("#styles button")).not_to_have_count(0)
    expect(page.locator("#about")).to_contain_text("tiny")
    expect(page.locator("#camera option")).to_have_count(1)
    assert page.locator("#camera").input_value() != ""
    expect_picture_of_a_used_style(page)


def expect_picture_of_a_used_style(page: Page) -> None:
    """For a preset that brings no pictures, a style's is taken from the edited picture."""

    def omit_pictures(route: Route) -> None:
        preset = route.fetch().json()
        route.fulfill(json=preset | {"styles": [style | {"picture": None} for style in preset["styles"]]})

    page.route("**/api/v1/preset", omit_pictures)
    page.reload()
    expect_pill(page, "Live")
    expect(page.locator("#styles img")).to_have_count(0)
    page.get_by_role("button", name="Thermal").click()
    picture = page.get_by_role("button", name="Thermal").locator("img")
    expect(picture).to_be_visible(timeout=TIMEOUT_MS)
    error = np.abs(pixels(picture) - pixels(page.locator("#result"))).mean()
    assert error < 0.12, "it does not show the edited picture"
    page.reload()
    expect_pill(page, "Live")
    expect(picture).to_be_visible()


def pixels(picture: Locator) -> np.ndarray:
    """Of an image or a video, downscaled, in 0..1."""
    data = picture.evaluate("""(shown) => {
      const context = new OffscreenCanvas(14, 8).getContext("2d");
      context.drawImage(shown, 0, 0, 14, 8);
      return [...context.getImageData(0, 0, 14, 8).data];
    }""")
    return np.array(data).reshape(8, 14, 4)[..., :3] / 255


def test_stop_and_a_closed_tab_free_the_slot(context: BrowserContext, own_server: LiveServer) -> None:
    page = visit(context, own_server.address)
    start(page)
    stop(page, own_server)
    expect_pill(page, "Ready")
    start(page)
    page.close()
    other = visit(context, own_server.address)
    expect_state(other, own_server, "parked")
    start(other)  # a parked session gives up its slot
    stop(other, own_server)


def test_the_camera_can_be_changed_while_live(browsers: Browsers, chromium: Path, live_server: LiveServer) -> None:
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=2"]
    with browsers.context(chromium, *flags) as context:
        page = visit(context, live_server.address)
        start(page)
        first = page.locator("#camera").input_value()
        page.locator("#camera").select_option(index=1)
        used = "document.getElementById('source').srcObject.getVideoTracks()[0].getSettings().deviceId"
        wait_until(page, f"{used} !== '{first}'")
        assert page.evaluate(used) == page.locator("#camera").input_value()
        recording.start(page)
        page.wait_for_timeout(SETTLE_S * 1000)
        moving = recording.take(page, "result").rgb
        assert len(np.unique(moving, axis=0)) > 1
        expect_pill(page, "Live")
        stop(page, live_server)
