"""A reloaded page resumes its session; a killed browser's connection is freed."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, expect

from harness.browser import expect_applied, expect_no_session, expect_pill, start, visit, wait_until
from harness.live_server import LiveServer
from tests.browser.conftest import Camera

DETECTION_LIMIT_S = 3 * 6.0  # three times the documented limit


def sessions(server: LiveServer) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.address}/api/v1/sessions", timeout=10) as reply:
        open_sessions: list[dict[str, Any]] = json.load(reply)
        return open_sessions


def test_a_reload_resumes_the_session(context: BrowserContext, own_server: LiveServer) -> None:
    page = visit(context, own_server.address)
    start(page)
    page.get_by_role("button", name="Thermal").click()
    expect_applied(page, "#prompt-note")
    (before,) = sessions(own_server)
    page.reload()
    expect_pill(page, "Live")  # without a click
    expect(page.locator("#prompt")).to_have_value("a thermal camera")
    expect(page.get_by_role("button", name="Thermal")).to_have_attribute("aria-pressed", "true")
    (after,) = sessions(own_server)
    assert after["id"] == before["id"]
    wait_until(page, "document.getElementById('result').getVideoPlaybackQuality().totalVideoFrames > 5")
    (after,) = sessions(own_server)
    assert after["stats"]["block"] > before["stats"]["block"]
    expect_stop_during_the_resume_to_end_it(page, own_server)
    page.reload()
    expect_pill(page, "Ready")  # a stopped session is not resumed


def expect_stop_during_the_resume_to_end_it(page: Page, server: LiveServer) -> None:
    """Its request comes after the one that resumes the session, which would else find none: an error in the console."""
    resumes: list[Route] = []

    def hold(route: Route) -> None:
        resumes.append(route)

    page.route("**/resume", hold)
    page.reload()
    expect_pill(page, "Connecting…")
    while not resumes:
        page.wait_for_timeout(20)
    page.get_by_role("button", name="Stop", exact=True).click()
    resumes[0].continue_()
    expect_no_session(page, server)
    page.unroute("**/resume")


def test_a_frozen_browser_is_detected(context: BrowserContext, camera: Camera, own_server: LiveServer) -> None:
    page = visit(context, own_server.address)
    start(page)
    pids = subprocess.run(["pgrep", "-f", str(camera.path)], capture_output=True, text=True, check=True).stdout
    processes = [int(pid) for pid in pids.split()]
    started = time.monotonic()
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)  # like a crash: no connection is closed
        while sessions(own_server)[0]["state"] != "parked":
            assert time.monotonic() - started < DETECTION_LIMIT_S
            time.sleep(0.1)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
