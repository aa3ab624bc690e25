"""Keyboard shortcuts: pressed, off while typing, changed by the user."""

from playwright.sync_api import Page, expect

from harness.browser import TIMEOUT_MS, expect_pill


def test_keys_press_buttons_except_while_typing(page: Page) -> None:
    page.keyboard.press("s")
    expect_pill(page, "Live")
    chips = page.locator("#styles button")
    page.keyboard.press("3")
    expect(chips.nth(2)).to_have_attribute("aria-pressed", "true", timeout=TIMEOUT_MS)
    page.keyboard.down("c")
    expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.up("c")
    expect(page.locator("#hold")).to_have_attribute("aria-pressed", "false")
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("")
    prompt.press_sequentially("spw1")
    expect(prompt).to_have_value("spw1")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "false")
    prompt.blur()

    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    sheet.get_by_role("button", name="Before and after").click()
    page.keyboard.press("q")
    expect(sheet.get_by_role("button", name="Before and after: Q")).to_be_focused()
    page.keyboard.press("s")  # the sheet is open
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect_pill(page, "Live")
    page.keyboard.press("q")
    expect(page.locator("#view-wipe")).to_have_attribute("aria-pressed", "true")
