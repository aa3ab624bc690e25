"""The person as the region: found by the page in each frame of a clip with a person."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from harness.browser import Browsers, camera_flags, expect_applied, start, stop, visit
from harness.camera import write_camera
from harness.live_server import LiveServer
from tests.browser import recording
from tests.browser.test_page_region import errors, record, region

FRAMES = 50  # she sits in the middle; the wall is at the right
PERSON = np.s_[:, 10:30, 24:36]
WALL = np.s_[:, :20, 52:]
LOAD_MS = 60_000  # WebGL in software compiles the model's shaders for seconds
MASKS_MS = 1500  # after the first mask: the next ones, and the frames that they apply to


def expect_masks(page: Page, subject: str) -> None:
    expect(page.locator("#region-summary")).to_have_text(f"edit the {subject}")
    expect(page.locator("#segmentation-note")).to_contain_text("This page finds it", timeout=LOAD_MS)
    page.wait_for_timeout(MASKS_MS)


@pytest.mark.console_messages("still waiting on run dependencies", "dependency: ", "end of list")  # after 10 s
def test_only_the_person_is_edited(browsers: Browsers, chromium: Path, own_server: LiveServer, tmp_path: Path) -> None:
    write_camera("webcam_desk.mp4", tmp_path / "desk.y4m", width=256, height=144, frames=FRAMES)
    with browsers.context(chromium, *camera_flags(tmp_path / "desk.y4m")) as context:
        page = visit(context, own_server.address)
        start(page)
        page.get_by_role("button", name="Thermal").click()
        expect_applied(page, "#prompt-note")
        page.get_by_role("button", name="Edited picture only").click()
        page.get_by_text("Region: whole picture").click()
        recording.start(page)
        page.get_by_role("button", name="Person", exact=True).click()
        expect_masks(page, "person")
        assert region(page, own_server)["source"] == "frames"
        result, source = record(page)
        assert errors(result[PERSON], source[PERSON]) > 0.1
        assert errors(result[WALL], source[WALL]) < 0.04
        assert float(page.get_by_role("meter", name="Recomputed now").get_attribute("value") or "nan") < 0.8
        page.get_by_role("button", name="Background", exact=True).click()
        expect(page.locator("#region-summary")).to_have_text("edit the background")
        page.get_by_role("button", name="Background", exact=True).click()
        expect(page.locator("#region-summary")).to_have_text("whole picture")
        stop(page, own_server)
