"""What the page saves."""

from pathlib import Path

from playwright.sync_api import Page, expect

from harness.browser import expect_applied, start
from lipar_core.session_timeline import read_timeline


def test_the_timeline_has_the_changes_with_their_blocks(page: Page, tmp_path: Path) -> None:
    save = page.get_by_role("button", name="Save timeline")
    expect(save).to_be_disabled()
    start(page)
    page.get_by_role("button", name="Thermal").click()
    expect_applied(page, "#prompt-note")
    with page.expect_download() as saved:
        save.click()
    assert saved.value.suggested_filename.endswith("-timeline.json")
    saved.value.save_as(tmp_path / "timeline.json")
    timeline = read_timeline(tmp_path / "timeline.json")
    assert (timeline.preset, timeline.omitted) == ("tiny", 0)
    assert [entry.parameters.prompt for entry in timeline.entries][-1] == "a thermal camera"
    assert len(timeline.entries) == 2
    expect(page.locator("#keep-note")).to_contain_text("Saved as lipar-")
