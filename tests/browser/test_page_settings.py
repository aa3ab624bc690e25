"""The controls show the session's parameters, set by any client, and what was typed, requested or rejected."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from harness.browser import TIMEOUT_MS, expect_applied, expect_pill, start, stop
from harness.live_server import LiveServer


def session(page: Page, server: LiveServer) -> dict[str, Any]:
    (session,) = page.request.get(f"{server.address}/api/v1/sessions").json()
    return dict(session)


def change(page: Page, server: LiveServer, changes: dict[str, Any]) -> None:
    address = f"{server.address}/api/v1/sessions/{session(page, server)['id']}/parameters"
    assert page.request.patch(address, data=changes).ok


def test_a_typed_prompt_is_used_at_the_start_and_marked_until_then(page: Page, live_server: LiveServer) -> None:
    prompt, note = page.get_by_label("Prompt", exact=True), page.locator("#prompt-note")
    prompt.fill("a thermal camera")
    expect(note).to_contain_text("when you press Start")
    start(page)
    expect(note).to_have_text("")
    assert session(page, live_server)["parameters"]["prompt"] == "a thermal camera"

    prompt.fill("an oil painting")
    expect(note).to_contain_text("Not applied yet")
    expect(prompt).to_have_attribute("data-dirty", "")
    expect(page.get_by_role("button", name="Thermal")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(1500)  # telemetry does not overwrite it
    expect(prompt).to_have_value("an oil painting")
    page.get_by_role("button", name="Apply").click()
    expect_applied(page, "#prompt-note")
    expect(prompt).not_to_have_attribute("data-dirty", "")
    expect(page.locator("#prompt-history option")).to_have_attribute("value", "an oil painting")  # and no style's
    page.get_by_role("button", name="Save this prompt").click()
    own = page.get_by_role("group", name="Your prompts").get_by_role("button", name="an oil painting")
    expect(own).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Remove saved prompt").click()
    expect(own).to_have_count(0)
    assert session(page, live_server)["parameters"]["prompt"] == "an oil painting"


def test_a_change_over_rest_is_shown_and_kept_after_a_stop(page: Page, live_server: LiveServer) -> None:
    start(page)
    changes = {"prompt": "a thermal camera", "strength": 0.9, "pruning": {"enabled": False}, "seed": 7}
    change(page, live_server, changes)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a thermal camera", timeout=TIMEOUT_MS)
    expect(page.get_by_role("button", name="Thermal")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#strength-value")).to_have_text("90 %")
    expect(page.get_by_label("Reuse unchanged parts")).not_to_be_checked()
    change(page, live_server, {"paused": True})
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=TIMEOUT_MS)
    expect_pill(page, "Paused")
    stop(page, live_server)
    start(page)
    parameters = session(page, live_server)["parameters"]
    assert (parameters["prompt"], parameters["strength"], parameters["seed"]) == ("a thermal camera", 0.9, 7)
    assert not parameters["paused"]


def test_a_named_session_shows_how_much_of_a_long_prompt_is_used(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.address}/?session=studio&strength=0.25&seed=no")  # and takes settings from its address
    expect(page.locator("#link-problem-list li")).to_have_text(
        ["seed = no: must be a whole number from 0 to 4294967295"]
    )
    expect(page.locator("#strength-value")).to_have_text("25 %")
    page.get_by_label("Prompt", exact=True).fill("a thermal camera " + "a robot " * 40)
    start(page)
    assert session(page, live_server)["parameters"]["strength"] == 0.25
    expect(page.locator("#tokens-note")).to_contain_text("only the first 64 of its 83 tokens", timeout=TIMEOUT_MS)
    expect(page.locator("#tokens-note")).to_contain_text("The model does not know “robot”: it changes little")
    assert session(page, live_server)["id"] == "studio"
    page.get_by_role("button", name="Thermal").click()
    expect(page.locator("#tokens-note")).to_have_text("", timeout=TIMEOUT_MS)
    mix_in_a_second_prompt(page, live_server)


def mix_in_a_second_prompt(page: Page, server: LiveServer) -> None:
    page.locator("#mix summary").click()
    second, slider = page.get_by_label("Second prompt", exact=True), page.get_by_label("How much of it")
    expect(slider).to_be_disabled()
    second.fill("glowing neon edges")
    page.get_by_role("button", name="Mix in").click()
    expect_applied(page, "#mix-note")
    slider.fill("0.3")
    expect(page.locator("#mix-summary")).to_have_text("30 % glowing neon edges")
    page.get_by_role("button", name="Moonlight").click()  # another first prompt
    expect_applied(page, "#prompt-note")
    expected = [{"text": "moonlight", "weight": 0.7}, {"text": "glowing neon edges", "weight": 0.3}]
    assert session(page, server)["parameters"]["prompts"] == expected
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(slider).to_be_disabled(timeout=TIMEOUT_MS)
    expect(second).to_have_value("")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("moonlight")


@pytest.mark.console_messages("status of 503")
def test_a_rejected_change_is_reverted_with_the_reason_and_defaults_can_be_restored(page: Page) -> None:
    responses: list[tuple[int, str]] = [(503, "the model is restarting")]

    def reject(route: Route) -> None:
        if not responses:
            route.continue_()
            return
        status, message = responses.pop()
        route.fulfill(status=status, json={"detail": {"message": message}})

    start(page)
    shown = page.locator("#strength-value").inner_text()
    page.route("**/parameters", reject)
    page.get_by_label("Noise").fill("0.9")
    expect(page.get_by_role("alert")).to_have_text("Not applied: the model is restarting", timeout=TIMEOUT_MS)
    expect(page.locator("#strength-value")).to_have_text(shown)
    page.get_by_label("Noise").fill("0.9")
    expect_applied(page, "#strength-note")
    expect(page.locator("#strength-value")).to_have_text("90 %")

    page.get_by_label("Minimum recomputed").fill("0.5")
    page.get_by_role("button", name="Default settings").click()
    expect_applied(page, "#defaults-note")
    expect(page.locator("#strength-value")).to_have_text(shown)
    expect(page.locator("#pruning-min-keep-value")).to_have_text("0 %")


@pytest.mark.console_messages("ERR_FAILED")
def test_a_missing_response_is_not_a_rejection(page: Page) -> None:
    start(page)
    page.route("**/parameters", lambda route: route.abort())
    page.get_by_label("Noise").fill("0.9")
    expect(page.locator("#strength-note")).to_have_text("Applying…")
    expect(page.locator("#strength-value")).to_have_text("90 %")
    page.unroute("**/parameters")
    expect_applied(page, "#strength-note")
