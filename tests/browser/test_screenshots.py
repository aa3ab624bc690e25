"""Screenshots of every size and theme, to be looked at: `make soak ARGS="-k screenshots"`."""

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from harness.browser import TIMEOUT_MS, Browsers, camera_flags, expect_applied, start, stop, visit
from harness.camera import write_camera
from harness.live_server import running_server
from harness.local import ROOT
from tests.browser.test_page_region import drag
from tests.browser.test_page_stage import SIZES

FOLDER = ROOT / "soak-results" / "screenshots"
VIEWS = ("Source as an inset", "Side by side", "Before and after")
SETTLE_MS = 500


@pytest.mark.soak
def test_screenshots_of_every_size_and_theme(
    browsers: Browsers, chromium: Path, page_build: None, tmp_path: Path
) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_camera("webcam_desk.mp4", tmp_path / "webcam_desk.y4m", width=416, height=240, frames=125)
    with running_server() as server, browsers.context(chromium, *camera_flags(tmp_path / "webcam_desk.y4m")) as context:
        page = visit(context, server.address)
        expect(page.locator("#pill")).to_have_text("Ready")
        take_all(page, "before_start")
        start(page)
        page.get_by_role("button", name="Watercolour", exact=True).click()
        expect_applied(page, "#prompt-note")
        for view in VIEWS:
            page.get_by_role("button", name=view).click()
            take_all(page, view.lower().replace(" ", "_"))
        page.get_by_text("Region: whole picture").click()
        page.get_by_role("button", name="Box", exact=True).click()
        drag(page, (0.3, 0.1), (0.7, 0.9))
        expect_applied(page, "#region-note")
        take_all(page, "region")
        page.keyboard.press("Escape")
        take_panels(page)
        page.get_by_role("button", name="Copy watch link").click()
        viewer = visit(context, page.locator("#share-link").input_value())
        viewer.get_by_role("button", name="Show recomputed parts").click()
        expect(viewer.locator("#watch-legend")).to_be_visible(timeout=TIMEOUT_MS)
        take_all(viewer, "viewer")
        viewer.close()
        stop(page, server)


def take_panels(page: Page) -> None:
    """Each panel, with everything in it open."""
    page.get_by_role("button", name="Show recomputed parts").click()
    page.get_by_role("button", name="Check my connection").click()
    expect(page.locator("#check-list")).to_contain_text("Network:", timeout=TIMEOUT_MS)
    page.locator("#mix summary").click()
    page.get_by_label("Second prompt", exact=True).fill("glowing neon edges")
    page.get_by_role("button", name="Mix in").click()
    expect_applied(page, "#mix-note")
    for summary in ("More settings", "Details of the last minute"):
        page.get_by_text(summary).click()
    for panel in ("Source", "Edit", "Region", "Settings", "Save", "Figures"):
        take_all(page, f"panel_{panel.lower()}", page.get_by_role("region", name=panel, exact=True))
    page.keyboard.press("?")
    take_all(page, "shortcuts")
    page.keyboard.press("Escape")


def take_all(page: Page, name: str, shown: Locator | None = None) -> None:
    """Take it in every size and theme, and once in forced colours; `shown` is scrolled to."""
    for size, theme in itertools.product(SIZES, ("light", "dark")):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size(size)
        if shown is not None:
            shown.evaluate("(element) => element.scrollIntoView()")
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(timeout=120_000, path=FOLDER / f"{name}_{size['width']}x{size['height']}_{theme}.png")
    page.emulate_media(forced_colors="active")
    page.screenshot(path=FOLDER / f"{name}_forced_colours.png")
    page.emulate_media(forced_colors="none")
