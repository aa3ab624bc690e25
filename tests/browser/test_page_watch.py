"""The viewer's page: watching a session by the editor's watch link, and its messages."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from harness.browser import TIMEOUT_MS, expect_applied, start, stop, visit, wait_until
from harness.live_server import LiveServer
from tests.browser import recording

LEAVE_LIMIT_S = 3.0  # a closed page deletes its WHEP resource; a timeout would take 15 s
FRAMES = 20  # more than the browser has buffered


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer) -> Iterator[Page]:
    """The editor's page, live, in a style that differs clearly from the camera's picture."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit(context, live_server.address)
    start(page)
    page.get_by_role("button", name="Pencil sketch").click()
    expect_applied(page, "#prompt-note")
    yield page
    stop(page, live_server)


def copy_watch_link(page: Page) -> str:
    page.get_by_role("button", name="Copy watch link").click()
    expect(page.locator("#share-note")).to_contain_text("Copied")
    link = str(page.evaluate("navigator.clipboard.readText()"))
    assert link == page.locator("#share-link").input_value()
    return link


def expect_watching(viewer: Page) -> None:
    expect(viewer.locator("#watch-pill")).to_have_text("Live", timeout=TIMEOUT_MS)


def expect_message(viewer: Page, title: str) -> None:
    expect(viewer.locator("#watch-title")).to_have_text(title, timeout=TIMEOUT_MS)
    expect(viewer.locator("#watch-message")).to_be_visible()


def session(page: Page, server: LiveServer) -> dict[str, Any]:
    (found,) = page.request.get(f"{server.address}/api/v1/sessions").json()
    return dict(found)


def expect_viewers(page: Page, server: LiveServer, number: int, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while (found := session(page, server)["viewers"]) != number:
        assert time.monotonic() < deadline, f"{found} viewers"
        page.wait_for_timeout(50)


def test_a_second_tab_shows_the_edited_picture_and_is_counted(page: Page, live_server: LiveServer) -> None:
    link = copy_watch_link(page)
    page.get_by_role("button", name="Copy link to the picture alone").click()
    expect(page.locator("#share-link")).to_have_value(link.replace("#", "&clean#"))
    viewer = visit(page.context, link)
    expect_watching(viewer)
    expect(viewer.locator("#editor")).to_be_hidden()
    expect_viewers(page, live_server, 1, TIMEOUT_MS / 1000)
    expect(page.locator("#viewers")).to_have_text("1", timeout=TIMEOUT_MS)
    watched = recording.expect_same(page, viewer)
    assert min(watched.error_to(recording.take(page, "source"))) > 0.05
    viewer.close()
    expect_viewers(page, live_server, 0, LEAVE_LIMIT_S)
    expect(page.locator("#viewers-metric")).to_be_hidden(timeout=TIMEOUT_MS)


@pytest.mark.console_messages("status of 404.*/ice-servers", "status of 409.*/whep/")  # ended, and not live yet
def test_a_viewer_survives_a_reload_of_the_editor_and_reports_the_end(page: Page, live_server: LiveServer) -> None:
    viewer = visit(page.context, copy_watch_link(page))
    expect_watching(viewer)
    page.reload()
    expect(page.locator("#pill")).to_have_text("Live", timeout=TIMEOUT_MS)
    recording.start(viewer, "watched")
    recording.wait_for_frames(viewer, "watched", FRAMES)
    expect_watching(viewer)
    stop(page, live_server)
    expect_message(viewer, "Nothing is live at this link")
    start(page)
    viewer.goto(copy_watch_link(page))  # of the new session: only id and fragment differ
    expect_watching(viewer)
    viewer.close()


@pytest.mark.console_messages("status of 40[14].*/ice-servers", "status of (503|409).*/whep/")
def test_messages_when_watching_is_rejected(page: Page, live_server: LiveServer) -> None:
    link = copy_watch_link(page)
    viewer = visit(page.context, link + "wrong")
    expect_message(viewer, "This link does not open the session")
    expect(viewer.get_by_role("button", name="Try again")).to_be_visible()
    viewer.goto(f"{live_server.address}/?watch=nobody#token=x")
    expect_message(viewer, "Nothing is live at this link")

    error_responses = [(503, "all 16 viewer slots are taken"), (409, "nothing is live in this session yet")]
    titles = {503: "The server can't show it now", 409: "Nothing to see yet"}

    def reject(route: Any) -> None:
        if not error_responses or route.request.method != "POST":
            route.continue_()
            return
        status, message = error_responses[0]
        route.fulfill(status=status, json={"detail": {"message": message}}, headers={"Retry-After": "1"})

    viewer.route("**/api/v1/whep/**", reject)
    viewer.goto(link)
    while error_responses:
        expect_message(viewer, titles[error_responses[0][0]])
        error_responses.pop(0)
    expect_watching(viewer)  # without a click
    expect(viewer.locator("#watch-message")).to_be_hidden()
    viewer.close()


def test_full_screen(page: Page) -> None:
    viewer = visit(page.context, copy_watch_link(page))
    expect_watching(viewer)
    viewer.get_by_role("button", name="Full screen").click()
    wait_until(viewer, "document.fullscreenElement?.id === 'watch'")
    viewer.get_by_role("button", name="Leave full screen").click()
    wait_until(viewer, "document.fullscreenElement === null")
    viewer.close()
