"""A page that plays camera and screen of a session: it sends numbered pictures and reads the numbers that come back."""

from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_suffix(".js")
FLAGS = ["--autoplay-policy=no-user-gesture-required", "--disable-renderer-backgrounding"]


def begin(page: Page, address: str, *, fps: int = 30, codec: str = "H264") -> str:
    """Begin a session at this server; returns its id once a number was read."""
    page.goto(f"{address}/healthz")  # any page of the same origin
    page.add_script_tag(path=SCRIPT)
    session: str = page.evaluate("options => window.begin(options)", {"fps": fps, "codec": codec})
    page.wait_for_function("window.seen.some(([, latency]) => latency !== null)")
    return session
