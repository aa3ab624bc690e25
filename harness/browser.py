"""Chromium with a fake camera, and helpers for actions and expectations on the page."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from harness.live_server import LiveServer

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
]
TIMEOUT_MS = 30_000  # generous: test machines may be slow


class Browsers:
    """Running Chromiums, one for each set of flags; each context of one is a fresh profile."""

    MAX_RUNNING = 2  # the one that most tests use, and another

    def __init__(self, playwright: Playwright) -> None:
        self.playwright = playwright
        self.running: dict[tuple[Path, tuple[str, ...]], Browser] = {}  # by command, the last used one last
        self.messages: list[str] = []  # in the consoles of all pages: errors, violated policies, failed requests, hints

    @contextmanager
    def context(self, chromium: Path, *flags: str) -> Iterator[BrowserContext]:
        context = self._browser(chromium, flags).new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(TIMEOUT_MS)
        context.on("console", lambda message: self.messages.append(describe(message)))
        context.on("weberror", lambda error: self.messages.append(f"uncaught: {error.error}"))
        try:
            yield context
        finally:
            context.close()

    def close(self) -> None:
        while self.running:
            self._close_oldest()

    def _browser(self, chromium: Path, flags: tuple[str, ...]) -> Browser:
        browser = self.running.pop((chromium, flags), None)
        if browser is None or not browser.is_connected():
            if len(self.running) == self.MAX_RUNNING:
                self._close_oldest()
            browser = self.playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        self.running[chromium, flags] = browser
        return browser

    def _close_oldest(self) -> None:
        self.running.pop(next(iter(self.running))).close()


def describe(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text} ({message.location['url']})"


@contextmanager
def running_browsers() -> Iterator[Browsers]:
    with sync_playwright() as playwright, closing(Browsers(playwright)) as browsers:
        yield browsers


@contextmanager
def browser(chromium: Path, *flags: str) -> Iterator[BrowserContext]:
    """A browser of its own with a fresh profile. Fails if a page writes to its console."""
    with running_browsers() as browsers:
        with browsers.context(chromium, *flags) as context:
            yield context
        assert browsers.messages == [], browsers.messages


def camera_flags(clip: Path) -> list[str]:
    """Flags for a fake camera with permission that plays a file."""
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    ]


def visit(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    return page


def start(page: Page) -> None:
    """Press Start; returns when the session is live."""
    page.get_by_role("button", name="Start", exact=True).click()
    expect_pill(page, "Live")


def stop(page: Page, server: LiveServer) -> None:
    """Press Stop; returns when the server has freed the slot."""
    page.get_by_role("button", name="Stop", exact=True).click()
    expect_no_session(page, server)


def wait_until(page: Page, expression: str, argument: object = None) -> None:
    """Like Playwright's `wait_for_function`, which the page's Content Security Policy forbids (it uses `eval`)."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not page.evaluate(expression, argument):
        assert time.monotonic() < deadline, f"not true within {TIMEOUT_MS} ms: {expression}"
        page.wait_for_timeout(50)


def expect_no_session(page: Page, server: LiveServer) -> None:
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    sessions = f"{server.address}/api/v1/sessions"
    while open_sessions := page.request.get(sessions).json():
        assert time.monotonic() < deadline, f"still open: {open_sessions}"
        page.wait_for_timeout(100)


def expect_state(page: Page, server: LiveServer, state: str) -> None:
    """Wait until the only session has this state, by REST."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while [session["state"] for session in page.request.get(f"{server.address}/api/v1/sessions").json()] != [state]:
        assert time.monotonic() < deadline, f"the session is not {state}"
        page.wait_for_timeout(100)


def expect_pill(page: Page, text: str) -> None:
    expect(page.locator("#pill")).to_have_text(text, timeout=TIMEOUT_MS)


def expect_banner(page: Page, title: str, advice: str) -> None:
    expect(page.locator("#banner-title")).to_have_text(title, timeout=TIMEOUT_MS)
    expect(page.locator("#banner-advice")).to_contain_text(advice, timeout=TIMEOUT_MS)


def expect_applied(page: Page, note: str) -> int:
    """Wait until the control's note says that the change was applied; returns the block."""
    expect(page.locator(note)).to_have_text("Applied", timeout=TIMEOUT_MS)
    return block_of(page, note)


def block_of(page: Page, note: str) -> int:
    match = re.fullmatch(r"At block (\d+)", page.locator(note).get_attribute("title") or "")
    assert match
    return int(match[1])
