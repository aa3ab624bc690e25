"""Failures as the page reports them, and its recovery from them."""

import os
import signal
import sys
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from harness.browser import (
    TIMEOUT_MS,
    Browsers,
    expect_applied,
    expect_banner,
    expect_pill,
    start,
    stop,
    visit,
    wait_until,
)
from harness.live_server import LiveServer

OUTAGE_S = 6
STALL_DETECTION_S = 3  # documented limit
RECOVERY_S = 3 * 1.5  # the page polls once per second, and connects in half a second

# Chromium's fake camera cannot be busy: the page gets the error of a busy one.
BUSY = """
() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("in use", "NotReadableError"));
}
"""


def test_a_denied_camera(browsers: Browsers, chromium: Path, live_server: LiveServer) -> None:
    with browsers.context(chromium, "--use-fake-device-for-media-stream", "--deny-permission-prompts") as context:
        page = visit(context, live_server.address)
        page.get_by_role("button", name="Start", exact=True).click()
        expect_banner(page, "The camera is blocked", "Allow the camera for this page")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def test_no_camera(browsers: Browsers, chromium: Path, live_server: LiveServer) -> None:
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=0"]
    with browsers.context(chromium, *flags) as context:
        page = visit(context, live_server.address)
        page.get_by_role("button", name="Check my connection").click()
        expect(page.locator("#check-summary")).to_have_text("It should work: see the notes.", timeout=TIMEOUT_MS)
        results = page.get_by_role("list", name="Results of the check").get_by_role("listitem")
        names = ["Camera: Note", "Video formats: OK", "Server: OK", "Round trip: ", "Network: OK"]
        expect(results).to_contain_text(names)
        expect(results.first).to_contain_text("Connect one, or choose the screen or a file.")
        expect(results.last).to_contain_text("A direct connection will be tried")  # candidates, without STUN and TURN
        page.get_by_role("button", name="Start", exact=True).click()
        expect_banner(page, "No camera was found", "Connect a camera")


def test_a_busy_camera_can_be_retried(context: BrowserContext, live_server: LiveServer) -> None:
    page = visit(context, live_server.address)
    page.evaluate(BUSY)
    page.get_by_role("button", name="Start", exact=True).click()
    expect_banner(page, "The camera is in use", "Close it there")
    page.evaluate("delete navigator.mediaDevices.getUserMedia")
    page.get_by_role("button", name="Try again").click()
    expect_pill(page, "Live")
    expect(page.locator("#banner")).to_be_hidden()
    stop(page, live_server)


def test_an_insecure_page(browsers: Browsers, chromium: Path, live_server: LiveServer) -> None:
    with browsers.context(chromium, "--host-resolver-rules=MAP lipar.test 127.0.0.1") as context:
        page = visit(context, f"http://lipar.test:{live_server.port}")
        expect_banner(page, "The browser blocks camera and screen on http:// pages", "--tls-cert")
        expect_pill(page, "Not secure")
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()


@pytest.mark.console_messages("status of 503", "ERR_CONNECTION_REFUSED", "status of 404.*/resume")
def test_a_full_server_and_a_server_outage(context: BrowserContext, own_server: LiveServer) -> None:
    first, second = visit(context, own_server.address), visit(context, own_server.address)
    start(first)
    second.get_by_role("button", name="Start", exact=True).click()
    expect_banner(second, "The server can't take another stream now", "slots are taken")
    expect_pill(first, "Live")
    second.close()

    first.get_by_role("button", name="Comic").click()
    expect_applied(first, "#prompt-note")
    own_server.kill()
    expect_banner(first, "The server does not respond", "keeps trying")
    first.get_by_label("Noise").press("ArrowRight")  # sent after the reconnection
    expect(first.locator("#strength-note")).to_contain_text("when the connection is back")
    first.wait_for_timeout(OUTAGE_S * 1000)  # the reconnection's backoff is up to 8 s by now
    own_server.start()
    own_server.wait_until_ready()
    expect(first.locator("#pill")).to_have_text("Live", timeout=RECOVERY_S * 1000)
    expect_applied(first, "#strength-note")
    (session,) = first.request.get(f"{own_server.address}/api/v1/sessions").json()
    assert session["parameters"]["prompt"] == first.locator("#prompt").input_value()
    assert session["parameters"]["strength"] is not None


@pytest.mark.console_messages("status of 503")
@pytest.mark.skipif(sys.platform != "linux", reason="the model process is found in /proc")
def test_a_killed_model_process_is_restarted(context: BrowserContext, own_server: LiveServer) -> None:
    page = visit(context, own_server.address)
    start(page)
    os.kill(model_process(own_server), signal.SIGKILL)
    expect_banner(page, "The model is restarting", "comes back by itself")
    expect_pill(page, "Live")
    count = "document.getElementById('result').getVideoPlaybackQuality().totalVideoFrames"
    wait_until(page, f"{count} > {page.evaluate(count) + 10}")


@pytest.mark.skipif(sys.platform != "linux", reason="the model process is found in /proc")
def test_a_hanging_model_process_is_reported(context: BrowserContext, own_server: LiveServer) -> None:
    page = visit(context, own_server.address)
    start(page)
    expect(page.locator("#keep-ratio")).not_to_have_text("–", timeout=TIMEOUT_MS)
    process = model_process(own_server)
    os.kill(process, signal.SIGSTOP)
    try:
        expect(page.locator("#pill")).to_have_text("No new pictures", timeout=3 * STALL_DETECTION_S * 1000)
        expect(page.locator("#latency")).to_have_text("–")
    finally:
        os.kill(process, signal.SIGCONT)
    expect_pill(page, "Live")
    expect(page.locator("#banner")).to_be_hidden()


def model_process(server: LiveServer) -> int:
    assert server.process is not None
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (status := folder / "status").exists():
            command = (folder / "cmdline").read_bytes()
            if f"PPid:\t{server.process.pid}\n" in status.read_text() and b"spawn_main" in command:
                return int(folder.name)
    raise AssertionError("the server has no model process")
