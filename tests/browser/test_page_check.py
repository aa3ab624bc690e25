""" "Check my connection" with a real STUN and TURN server."""

import time
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from harness.accessibility import accessibility_violations
from harness.browser import TIMEOUT_MS
from harness.coturn import SECRET, running_coturn
from server.ice import expiring_credentials


def run_check(page: Page, servers: list[dict[str, object]]) -> str:
    """The line about the network, where the server names these STUN and TURN servers."""

    def name_servers(route: Route) -> None:
        route.fulfill(json={"iceServers": servers})

    page.route("**/ice-servers", name_servers)
    page.get_by_role("button", name="Check my connection").click()
    line = page.get_by_role("list", name="Results of the check").get_by_text("Network:").locator("..")
    expect(line).to_be_visible(timeout=TIMEOUT_MS)
    page.unroute("**/ice-servers")
    return line.inner_text()


def test_the_check_finds_a_stun_and_a_turn_server(page: Page, turnserver: Path, tmp_path: Path) -> None:
    with running_coturn(turnserver, tmp_path) as turn:
        username, credential = expiring_credentials(SECRET, "page", 600, time.time())
        relay: dict[str, object] = {"urls": turn, "username": username, "credential": credential}
        found = run_check(page, [{"urls": turn.replace("turn:", "stun:").removesuffix("?transport=udp")}, relay])
        assert found.startswith("Network: OK UDP works, and the TURN server relays")
        page.get_by_text("Second prompt: none").click()
        assert accessibility_violations(page) == []
        found = run_check(page, [relay | {"credential": "wrong"}])
        assert found.startswith("Network: Note The TURN server does not respond or rejects its password.")
        assert "lipar doctor" in found
