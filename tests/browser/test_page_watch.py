"""Watching a session on another page: by the link that the editor's page hands out, and what that page says."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pixels
from tests.browser.browser import WITHIN_MS, browser, expect_applied, playing, start, stop, visit, wait_until
from tests.browser.conftest import Camera
from tests.browser.live_server import LiveServer

GONE_S = 3.0  # a page that is closed says goodbye; silence alone would take 15 s
SETTLE_S = 3


@pytest.fixture
def page(chromium: Path, camera: Camera, live_server: LiveServer) -> Iterator[Page]:
    """The editor's page, live, in a style that nobody takes for the camera's picture."""
    with browser(chromium, *playing(camera.path)) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = visit(context, live_server.address)
        start(page)
        page.get_by_role("button", name="Pencil sketch").click()
        expect_applied(page, "#prompt-note")
        yield page
        stop(page, live_server)


def share(page: Page) -> str:
    page.get_by_role("button", name="Copy watch link").click()
    expect(page.locator("#share-note")).to_contain_text("Copied")
    link = str(page.evaluate("navigator.clipboard.readText()"))
    assert link == page.locator("#share-link").input_value()
    return link


def expect_watching(viewer: Page) -> None:
    expect(viewer.locator("#watch-pill")).to_have_text("Live", timeout=WITHIN_MS)


def expect_message(viewer: Page, title: str) -> None:
    expect(viewer.locator("#watch-title")).to_have_text(title, timeout=WITHIN_MS)
    expect(viewer.locator("#watch-message")).to_be_visible()


def session(page: Page, server: LiveServer) -> dict[str, Any]:
    (found,) = page.request.get(f"{server.address}/api/v1/sessions").json()
    return dict(found)


def expect_viewers(page: Page, server: LiveServer, number: int, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while (found := session(page, server)["viewers"]) != number:
        assert time.monotonic() < deadline, f"{found} viewers"
        page.wait_for_timeout(50)


def test_a_second_tab_sees_the_edited_picture_and_leaves_cleanly(page: Page, live_server: LiveServer) -> None:
    viewer = visit(page.context, share(page))
    expect_watching(viewer)
    expect(viewer.locator("#editor")).to_be_hidden()
    expect_viewers(page, live_server, 1, WITHIN_MS / 1000)
    expect(page.locator("#viewers")).to_have_text("1", timeout=WITHIN_MS)
    watched = pixels.expect_same(page, viewer)
    assert min(watched.error_to(pixels.take(page, "source"))) > 0.05
    viewer.close()
    expect_viewers(page, live_server, 0, GONE_S)
    expect(page.locator("#viewers-metric")).to_be_hidden(timeout=WITHIN_MS)


def test_a_viewer_outlives_a_reload_of_the_editor_and_says_when_the_session_ends(
    page: Page, live_server: LiveServer
) -> None:
    viewer = visit(page.context, share(page))
    expect_watching(viewer)
    page.reload()
    expect(page.locator("#pill")).to_have_text("Live", timeout=WITHIN_MS)
    pixels.begin(viewer, "watched")
    viewer.wait_for_timeout(SETTLE_S * 1000)
    pixels.take(viewer, "watched")
    expect_watching(viewer)
    stop(page, live_server)
    expect_message(viewer, "Nothing is live at this link")
    start(page)
    viewer.goto(share(page))  # the new session's: only the fragment and the id differ
    expect_watching(viewer)
    viewer.close()


def test_what_the_page_says_when_it_cannot_watch(page: Page, live_server: LiveServer) -> None:
    link = share(page)
    viewer = visit(page.context, link + "wrong")
    expect_message(viewer, "This link does not open the session")
    expect(viewer.get_by_role("button", name="Try again")).to_be_visible()
    viewer.goto(f"{live_server.address}/?watch=nobody#token=x")
    expect_message(viewer, "Nothing is live at this link")

    refusals = [(503, "all 16 places to watch are taken"), (409, "nothing is live in this session yet")]
    titles = {503: "The server can't show it now", 409: "Nothing to see yet"}

    def refuse(route: Any) -> None:
        if not refusals or route.request.method != "POST":
            route.continue_()
            return
        status, message = refusals[0]
        route.fulfill(status=status, json={"detail": {"message": message}}, headers={"Retry-After": "1"})

    viewer.route("**/api/v1/whep/**", refuse)
    viewer.goto(link)
    while refusals:
        expect_message(viewer, titles[refusals[0][0]])
        refusals.pop(0)
    expect_watching(viewer)  # by itself
    expect(viewer.locator("#watch-message")).to_be_hidden()
    viewer.close()


def test_full_screen(page: Page) -> None:
    viewer = visit(page.context, share(page))
    expect_watching(viewer)
    viewer.get_by_role("button", name="Full screen").click()
    wait_until(viewer, "document.fullscreenElement?.id === 'watch'")
    viewer.get_by_role("button", name="Leave full screen").click()
    wait_until(viewer, "document.fullscreenElement === null")
    viewer.close()
