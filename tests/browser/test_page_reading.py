"""The page at 200 % zoom, with a large font, without motion, and as a screen reader hears it."""

import pytest
from playwright.sync_api import Page, expect

from harness.browser import TIMEOUT_MS, expect_pill, start, stop
from harness.live_server import LiveServer

CUT_OFF = """() => [...document.querySelectorAll('body *')].filter((element) => {
    if (!element.checkVisibility() || element.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let box = element.parentElement; box; box = box.parentElement)
        if (getComputedStyle(box).overflowX === 'auto') return false; // a list that scrolls
    return true;
}).map((element) => element.outerHTML.slice(0, 80))"""
MOVING = """() => [...document.querySelectorAll('body *')].filter((element) => {
    const style = getComputedStyle(element);
    return [style.transitionDuration, style.animationDuration].join().split(',').some((time) => parseFloat(time) > 0);
}).map((element) => element.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize(("width", "height"), [(640, 400), (320, 256)], ids=["1280x800", "640x512"])
def test_nothing_is_cut_off_at_200_percent_zoom(page: Page, width: int, height: int) -> None:
    """Zoom halves the size in CSS pixels; 320x256 is the least that WCAG 2.2 (1.4.10, reflow) asks for."""
    page.set_viewport_size({"width": width, "height": height})
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    assert page.evaluate(CUT_OFF) == []


def test_text_follows_the_browsers_font_size(page: Page) -> None:
    prompt, before = page.locator("#prompt"), _font_size(page)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert _font_size(page) == 2 * before
    expect(prompt).to_be_visible()
    assert page.evaluate(CUT_OFF) == []


def test_nothing_moves_for_users_who_want_no_motion(page: Page) -> None:
    assert page.evaluate(MOVING) != []
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(MOVING) == []


def test_a_screen_reader_hears_the_state(page: Page, live_server: LiveServer) -> None:
    start(page)
    expect(page.get_by_role("status").filter(has_text="Live").first).to_be_visible()
    page.get_by_role("button", name="Pencil sketch").click()
    expect(page.get_by_role("status").filter(has_text="Applied").first).to_be_visible(timeout=TIMEOUT_MS)
    stop(page, live_server)
    expect_pill(page, "Ready")


def _font_size(page: Page) -> float:
    return page.evaluate("parseFloat(getComputedStyle(document.querySelector('#prompt')).fontSize)")
