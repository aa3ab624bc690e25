"""Keyboard shortcuts: pressed, off while typing, changed by the user. MIDI knobs, by a fake device."""

from playwright.sync_api import Page, expect

from harness.browser import TIMEOUT_MS, expect_applied, expect_pill, start
from harness.live_server import LiveServer

FAKE_MIDI = """() => {
  const device = { onmidimessage: null };
  navigator.requestMIDIAccess = async () => ({ inputs: new Map([["fake", device]]), onstatechange: null });
  window.turn = (message) => device.onmidimessage({ data: new Uint8Array(message) });
}"""


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


def test_a_midi_knob_learns_a_slider(page: Page, live_server: LiveServer) -> None:
    page.evaluate(FAKE_MIDI)
    start(page)
    learn = page.get_by_role("button", name="Learn a MIDI knob")
    learn.click()
    page.locator("#strength").press("ArrowRight")
    expect(page.locator("#midi-note")).to_have_text("Turn the knob for: Noise")
    page.evaluate("window.turn([0xb0, 7, 127])")
    expect(page.locator("#midi-note")).to_have_text("Noise follows knob 1.7")
    expect(page.locator("#strength-value")).to_have_text("100 %")
    expect(learn).to_have_attribute("aria-pressed", "false")
    page.evaluate("window.turn([0xb0, 8, 0])")  # another knob
    page.evaluate("window.turn([0xb0, 7, 0])")
    expect_applied(page, "#strength-note")
    (session,) = page.request.get(f"{live_server.address}/api/v1/sessions").json()
    assert session["parameters"]["strength"] == 0
