"""Few edited frames a second, and late: no view is blank, both sides of a comparison still show the same frame."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from harness.browser import TIMEOUT_MS, Browsers, camera_flags, expect_pill, visit
from harness.echo_process import echo
from tests.browser.numbered_camera import write_numbered_camera
from tests.browser.test_page_comparison import HEIGHT, WIDTH, expect_same_numbers

BLOCK_S = 1.5
PAIRS = 4
VIEWS = ("Before and after", "Side by side", "Source as an inset", "Edited picture only")


def test_a_slow_stream(browsers: Browsers, chromium: Path, page_build: None, tmp_path: Path) -> None:
    write_numbered_camera(tmp_path / "numbered.y4m", width=WIDTH, height=HEIGHT)
    with (
        echo("--size", f"{WIDTH}x{HEIGHT}", "--block-s", str(BLOCK_S)) as server,
        browsers.context(chromium, *camera_flags(tmp_path / "numbered.y4m")) as context,
    ):
        page = visit(context, server.address)
        page.get_by_role("button", name="Start", exact=True).click()
        expect_pill(page, "Waiting for the first picture…")
        for view in VIEWS:
            page.get_by_role("button", name=view).click()
            assert contrast(page) > 5, f"{view}: blank"

        expect(page.locator("#frame")).not_to_have_attribute("data-empty", "", timeout=TIMEOUT_MS)
        comparison = page.locator("#comparison")
        expect(comparison).to_be_hidden()
        page.get_by_role("button", name="Hold to see the source").focus()
        page.keyboard.down(" ")
        assert comparison.is_visible(), "the source is shown with the next edited frame only"
        page.keyboard.up(" ")

        page.get_by_role("button", name="Before and after").click()
        expect_same_numbers(page, PAIRS)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(comparison).to_be_hidden()
        expect(page.get_by_text("Your edited picture appears here")).to_be_visible()


def contrast(page: Page) -> float:
    """Standard deviation of the stage's grey values, 0..255."""
    return float(np.asarray(Image.open(BytesIO(page.locator("#views").screenshot())).convert("L")).std())
