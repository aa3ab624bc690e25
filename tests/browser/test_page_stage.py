"""The layout: the picture stays in view, what is laid over it is aligned, and the page remembers how it is shown."""

import pytest
from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect

from harness.browser import start, wait_until

SIZES: list[ViewportSize] = [
    {"width": width, "height": height}
    for width, height in [(360, 740), (740, 360), (1280, 800), (2560, 1440), (3840, 2160)]
]
# In one step: a message above the stage may come at any time, and makes it smaller.
LAYER_AND_PICTURE = """["stage-layer", "result"].map((id) => {
  const { x, y, width, height } = document.getElementById(id).getBoundingClientRect();
  return { x, y, width, height };
})"""
VIEWS = ("Source as an inset", "Side by side", "Before and after", "Edited picture only")


def box(element: Locator) -> FloatRect:
    found = element.bounding_box()
    assert found is not None
    return found


def test_the_picture_is_whole_and_in_view_at_every_size(page: Page) -> None:
    start(page)
    for size in SIZES:
        page.set_viewport_size(size)
        page.get_by_role("button", name="No edit").scroll_into_view_if_needed()  # the last style
        for view in VIEWS:
            page.get_by_role("button", name=view).click()
            layer, picture = page.evaluate(LAYER_AND_PICTURE)
            assert layer == pytest.approx(picture)
            assert picture["width"] / picture["height"] == pytest.approx(256 / 144, rel=0.02), "cropped or distorted"
            assert picture["x"] >= 0
            assert picture["y"] >= 0
            assert picture["x"] + picture["width"] <= size["width"]
            assert picture["y"] + picture["height"] <= size["height"]
        assert not page.evaluate("document.documentElement.scrollHeight > innerHeight"), "the page scrolls"


def test_the_inset_moves_and_how_the_page_is_shown_is_remembered(page: Page) -> None:
    start(page)
    expect_picture_in_picture(page)
    inset = page.locator("#source-cell")
    before = box(inset)
    inset.press("ArrowLeft")
    inset.press("ArrowUp")
    moved = box(inset)
    assert moved["x"] < before["x"]
    assert moved["y"] < before["y"]
    page.mouse.move(moved["x"] + 20, moved["y"] + 20)
    page.mouse.down()
    page.mouse.move(0, 0)
    page.mouse.up()
    corner, stage = box(inset), box(page.locator("#views"))
    assert (corner["x"], corner["y"]) == pytest.approx((stage["x"], stage["y"]))

    page.get_by_role("button", name="Colours: as the system").click()
    page.get_by_role("button", name="Colours: light").click()
    background = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == "rgb(19, 20, 22)", "dark, whatever the system prefers"
    page.get_by_role("button", name="Mirror").click()
    for shown in ("#result", "#source", "#stage-layer"):
        transform = page.locator(shown).evaluate("(element) => getComputedStyle(element).transform")
        assert transform == "matrix(-1, 0, 0, 1, 0, 0)"
    page.reload()
    expect(page.locator("#pill")).to_have_text("Live")
    assert page.evaluate(background) == "rgb(19, 20, 22)"
    assert box(inset) == pytest.approx(corner)


def expect_picture_in_picture(page: Page) -> None:
    button = page.get_by_role("button", name="Picture in picture")
    wait_until(page, "document.getElementById('result').videoWidth > 0")
    button.click()
    wait_until(page, "document.pictureInPictureElement?.id === 'result'")
    button.click()
    wait_until(page, "document.pictureInPictureElement === null")
