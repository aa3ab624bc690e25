"""The page on a server that asks for a token, under a proxy's path."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import pixels
from tests.browser.browser import WITHIN_MS, browser, expect_pill, playing, start, visit
from tests.browser.conftest import Camera
from tests.browser.live_server import LiveServer, running
from tests.server.proxy import Proxy

ADMIN, EDITOR, VIEW = "admins-secret", "editors-secret", "viewers-secret"


@pytest.fixture
def guarded_server(page_build: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    for name, token in [("TOKEN", ADMIN), ("EDITOR_TOKEN", EDITOR), ("VIEW_TOKEN", VIEW)]:
        monkeypatch.setenv(f"LIPAR_{name}", token)
    with running() as server:
        yield server


def test_the_page_asks_for_the_token_once_and_does_what_it_may(
    chromium: Path, camera: Camera, guarded_server: LiveServer
) -> None:
    with Proxy(guarded_server.port, removes_path=True) as proxy, browser(chromium, *playing(camera.path)) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = visit(context, f"{proxy.address}/")
        token = page.locator("#token")
        token.fill("guess")
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#token-note")).to_contain_text("does not know this token")
        token.fill(EDITOR)
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#role-text")).to_have_text("Your token can start and edit sessions.")
        start(page)
        page.get_by_role("button", name="Pencil sketch").click()
        expect(page.locator("#prompt-note")).to_have_text("Applied", timeout=WITHIN_MS)

        page.reload()  # neither the token nor the session is asked for again
        expect_pill(page, "Live")
        page.get_by_role("button", name="Copy watch link").click()
        expect(page.locator("#share-note")).to_contain_text("Copied")
        viewer = visit(context, page.locator("#share-link").input_value())
        expect(viewer.locator("#watch-pill")).to_have_text("Live", timeout=WITHIN_MS)
        pixels.expect_same(page, viewer)
        viewer.close()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()

        page.get_by_role("button", name="Forget the token").click()
        token.fill(VIEW)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Your token lets you watch, not edit.")).to_be_visible()
