"""The page on a server that needs a token, behind a proxy with a base path."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from harness.browser import TIMEOUT_MS, expect_pill, start, visit, wait_until
from harness.live_server import LiveServer, running_server
from tests.browser import recording
from tests.server.proxy import Proxy

ADMIN = "admin-token"
EDITOR = "editor-token"
VIEW = "view-token"


@pytest.fixture(scope="module")
def server_with_tokens(page_build: None) -> Iterator[LiveServer]:
    tokens = {"LIPAR_TOKEN": ADMIN, "LIPAR_EDITOR_TOKEN": EDITOR, "LIPAR_VIEW_TOKEN": VIEW}
    with running_server(environment=tokens) as server:
        yield server


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
        page.close()  # before the proxy: it asks whether the server is ready


@pytest.mark.console_messages("status of 404.*/(ice-servers|whep/)", "status of 409.*/whep/")  # nothing is live yet
def test_a_clean_output_by_name_shows_one_session_after_another(
    context: BrowserContext, server_with_tokens: LiveServer
) -> None:
    """An OBS browser source keeps its address: opened before the editor, and never a word on it."""
    output = visit(context, f"{server_with_tokens.address}/?watch=studio&clean#token={VIEW}")
    output.set_viewport_size({"width": 400, "height": 400})
    for session in (1, 2):
        page = visit(context, f"{server_with_tokens.address}/?session=studio#token={EDITOR}")
        expect_pill(page, "Ready")
        wait_until(output, "document.getElementById('watched').srcObject === null")
        assert opacity(output).max() == 0
        start(page)
        wait_until(output, "document.getElementById('watched').videoWidth > 0")
        picture = opacity(output)
        assert picture[:60].max() == picture[-60:].max() == 0  # above and below it
        assert picture[150:250].min() == 255
        if session == 2:
            page.reload()
            expect_pill(page, "Live")
            recording.expect_same(page, output)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect_pill(page, "Ready")
        page.close()
    output.close()


def opacity(output: Page) -> NDArray[np.uint8]:
    """Of the page's pixels [H, W]; fails where it shows a text."""
    assert output.locator("body").inner_text().strip() == ""
    picture = Image.open(BytesIO(output.screenshot(omit_background=True))).convert("RGBA")
    return np.asarray(picture)[..., 3]
