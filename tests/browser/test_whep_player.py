"""A third-party WHEP player (npm's whip-whep) on a page of another origin than the server's.

It sends its candidates by PATCH without If-Match, which RFC 9725 answers with 428; its connectivity checks succeed.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from harness.browser import TIMEOUT_MS, Browsers, expect_applied, start, stop, visit, wait_until
from harness.live_server import LiveServer
from harness.local import ROOT
from tests.browser import recording

PLAYER = ROOT / "web_client" / "node_modules" / "whip-whep" / "whep.js"
FILES = {"/": (Path(__file__).parent / "whep_player.html", "text/html"), "/whep.js": (PLAYER, "text/javascript")}


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path not in FILES:
            self.send_error(404)
            return
        path, kind = FILES[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(path.read_bytes())

    def log_message(self, *_: object) -> None:
        """No log: a failing test has enough output."""


@pytest.fixture
def other_origin() -> Iterator[str]:
    if not PLAYER.exists():
        pytest.fail("whip-whep is not installed: run `make web`")
    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    thread.join()
    site.server_close()


@pytest.mark.console_messages("status of 4(28|04).*/whep/", "status 428")
def test_a_player_of_another_origin_watches_and_leaves(
    context: BrowserContext, live_server: LiveServer, other_origin: str
) -> None:
    page = visit(context, live_server.address)
    with page.expect_response(lambda reply: reply.request.method == "POST") as created:
        start(page)
    session = created.value.json()
    page.get_by_role("button", name="Pencil sketch").click()
    expect_applied(page, "#prompt-note")

    player = visit(context, other_origin)
    replies: list[tuple[str, int]] = []
    player.on("response", lambda reply: replies.append((reply.request.method, reply.status)))
    address = f"{live_server.address}/api/v1/whep/{session['id']}"
    player.evaluate("([address, token]) => window.watch(address, token)", [address, session["view_token"]])
    wait_until(player, "document.getElementById('watched').videoWidth === 256")
    recording.expect_same(page, player)
    expect(page.locator("#viewers")).to_have_text("1", timeout=TIMEOUT_MS)

    player.evaluate("() => window.leave()")
    expect(page.locator("#viewers-metric")).to_be_hidden(timeout=TIMEOUT_MS)
    assert ("POST", 201) in replies
    # it closes its connection first, which the server may detect before the DELETE
    assert {("DELETE", 200), ("DELETE", 404)} & set(replies)
    stop(page, live_server)


@pytest.mark.console_messages("status of 40[34].*/whep/", "blocked by CORS policy", "ERR_FAILED.*/sessions")
def test_a_page_of_another_origin_reaches_only_whep(
    browsers: Browsers, chromium: Path, live_server: LiveServer, other_origin: str
) -> None:
    with browsers.context(chromium) as context:
        page = visit(context, other_origin)
        fetch_status = "([url, headers]) => fetch(url, { headers }).then((reply) => reply.status, () => 'refused')"
        whep = f"{live_server.address}/api/v1/whep/nobody"
        assert page.evaluate(fetch_status, [whep, {"Authorization": "Bearer some"}]) == 404  # passes CORS
        assert page.evaluate(fetch_status, [whep, {}]) == 403
        assert page.evaluate(fetch_status, [f"{live_server.address}/api/v1/sessions", {}]) == "refused"
