"""The page on a server that needs a token, behind a proxy with a base path."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from harness.browser import TIMEOUT_MS, expect_pill, start, visit
from harness.live_server import LiveServer, running_server
from tests.browser import recording
from tests.server.proxy import Proxy

ADMIN = "admin-token"
EDITOR = "editor-token"
VIEW = "view-token"


@pytest.fixture
def server_with_tokens(page_build: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    for name, token in [("TOKEN", ADMIN), ("EDITOR_TOKEN", EDITOR), ("VIEW_TOKEN", VIEW)]:
        monkeypatch.setenv(f"LIPAR_{name}", token)
    with running_server() as server:
        yield server


@pytest.mark.console_messages("ERR_CONNECTION_REFUSED.*/readyz")  # the proxy ends before the page
def test_the_token_is_entered_once_and_sets_the_page_s_role(
    context: BrowserContext, server_with_tokens: LiveServer
) -> None:
    with Proxy(server_with_tokens.port, removes_path=True) as proxy:
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
        expect(page.locator("#prompt-note")).to_have_text("Applied", timeout=TIMEOUT_MS)

        page.reload()  # token and session are restored
        expect_pill(page, "Live")
        page.get_by_role("button", name="Copy watch link").click()
        expect(page.locator("#share-note")).to_contain_text("Copied")
        viewer = visit(context, page.locator("#share-link").input_value())
        expect(viewer.locator("#watch-pill")).to_have_text("Live", timeout=TIMEOUT_MS)
        recording.expect_same(page, viewer)
        viewer.close()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()

        page.get_by_role("button", name="Forget the token").click()
        token.fill(VIEW)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Your token lets you watch, not edit.")).to_be_visible()
