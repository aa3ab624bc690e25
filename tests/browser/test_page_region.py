"""A region drawn on the live picture: outside it the source is shown, frozen parts keep the last edited pixels."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, Page, expect

from harness.accessibility import accessibility_violations
from harness.browser import TIMEOUT_MS, expect_applied, expect_pill, start, stop, visit, wait_until
from harness.live_server import LiveServer
from lipar_core.region import decode_mask
from tests.browser import recording

RECORD_MS = 1500
SETTLE_MS = 2000  # from a block to its frames on screen, including the browser's buffered frames
MARGIN = 3  # columns of a recording beside the region's edge: its soft edge, and the codec's blocks
NOTE = "#region-note"


def region(page: Page, server: LiveServer) -> dict[str, Any]:
    (session,) = page.request.get(f"{server.address}/api/v1/sessions").json()
    return dict(session["parameters"]["region"])


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Over the edited picture, in ratios of what is on the screen."""
    box = page.locator("#stage-layer").bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()


def errors(result: NDArray[np.float64], source: NDArray[np.float64]) -> float:
    """Of each frame to the source's most similar one, which it shows with a delay: their median."""
    return float(np.median([np.abs(source - frame).mean(axis=(1, 2, 3)).min() for frame in result]))


def record(page: Page) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frames of result and source [N, H, W, 3] in 0..1; the source's begin earlier."""
    recording.discard(page, "source")
    page.wait_for_timeout(SETTLE_MS)
    recording.discard(page, "result")
    page.wait_for_timeout(RECORD_MS)
    return recording.take(page, "result").rgb, recording.take(page, "source").rgb


def test_a_drawn_region_limits_the_edit_or_freezes_it(context: BrowserContext, own_server: LiveServer) -> None:
    page = visit(context, own_server.address)
    start(page)
    page.get_by_role("button", name="Thermal").click()
    expect_applied(page, "#prompt-note")
    page.get_by_role("button", name="Edited picture only").click()
    page.get_by_text("Region: whole picture").click()
    page.get_by_role("button", name="Box", exact=True).click()
    drag(page, (0.5, 0.002), (-0.1, 1.1))  # beyond the picture
    expect_applied(page, NOTE)
    assert region(page, own_server)["box"] == pytest.approx([0, 0, 0.5, 1], abs=0.005)
    expect(page.locator("#region-summary")).to_have_text("edit 50 % of the picture")
    recording.start(page)
    half = recording.WIDTH // 2
    result, source = record(page)
    outside, inside = np.s_[:, :, half + MARGIN :], np.s_[:, :, : half - MARGIN]
    assert errors(result[outside], source[outside]) < 0.03
    assert errors(result[inside], source[inside]) > 0.1
    kept = float(page.get_by_role("meter", name="Recomputed now").get_attribute("value") or "nan")
    assert 0 < kept <= 0.5, "the cost does not fall with the area"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert accessibility_violations(page) == []

    page.get_by_label("In the region").select_option("freeze")
    expect_applied(page, NOTE)
    result, source = record(page)
    assert np.abs(result[inside] - result[:1][inside]).max() < 0.15, "the frozen part moves"
    assert errors(result[inside], source[inside]) > 0.1, "it does not show the edit"
    assert errors(result[outside], source[outside]) > 0.1, "the rest is not edited"
    assert np.abs(result[outside] - result[:1][outside]).max() > 0.15, "the rest does not move"

    page.reload()
    expect_pill(page, "Live")
    expect(page.locator("#region-summary")).to_have_text("freeze 50 % of the picture")
    assert region(page, own_server)["mode"] == "freeze"
    stop(page, own_server)


def test_drawing_follows_mirroring_and_has_a_form_for_the_keyboard(
    context: BrowserContext, own_server: LiveServer
) -> None:
    page = visit(context, own_server.address)
    start(page)
    page.keyboard.press("m")
    page.keyboard.press("d")  # the brush; it opens the controls
    expect(page.get_by_role("button", name="Brush")).to_have_attribute("aria-pressed", "true")
    drag(page, (0.1, 0.5), (0.1, 0.5))  # at the left on the screen
    expect_applied(page, NOTE)
    width, height, levels = decode_mask(region(page, own_server)["mask"])
    painted = np.frombuffer(levels, np.uint8).reshape(height, width) > 0
    assert abs(np.nonzero(painted)[1].mean() / width - 0.9) < 0.02
    assert abs(np.nonzero(painted)[0].mean() / height - 0.5) < 0.02

    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Brush")).to_have_attribute("aria-pressed", "false")
    fields = [page.get_by_label(name) for name in ("Left %", "Top %", "Width %", "Height %")]
    for field, value in zip(fields, ("60", "10", "50", "50"), strict=True):
        field.fill(value)
    fields[-1].press("Enter")
    assert not fields[2].evaluate("(field) => field.checkValidity()")
    fields[2].fill("30")
    fields[2].press("Enter")
    wait_until(page, "document.getElementById('region-summary').textContent === 'edit 15 % of the picture'")
    expect_applied(page, NOTE)
    shape = {"source": "shape", "mode": "edit", "box": [0.6, 0.1, 0.3, 0.5], "mask": None, "feather": 0.02}
    assert region(page, own_server) == shape
    page.get_by_role("button", name="Move the region").press("Shift+ArrowLeft")  # as it is seen, mirrored
    expect_applied(page, NOTE)
    assert region(page, own_server)["box"] == [0.65, 0.1, 0.3, 0.5]
    drag(page, (0.05, 0.6), (0.25, 1.1))  # the bottom right corner of the frame, at the left on the screen
    expect_applied(page, NOTE)
    assert region(page, own_server)["box"] == pytest.approx([0.65, 0.1, 0.1, 0.9], abs=0.005)
    page.get_by_role("button", name="Clear").press("Enter")
    expect(page.locator("#region-summary")).to_have_text("whole picture", timeout=TIMEOUT_MS)
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()
    stop(page, own_server)
