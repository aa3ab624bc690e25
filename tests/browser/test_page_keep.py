"""What the page saves: recordings, snapshots, the timeline."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from harness.browser import expect_applied, start, wait_until
from lipar_core.session_timeline import read_timeline

RECORDED_MS = 2000
# The user's choice of a file is replaced by a real file in the browser's private folder.
IN_MEMORY = "delete window.showSaveFilePicker"
IN_PRIVATE_FOLDER = """
() => {
  window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
}
"""
DOWNLOAD = """async (name) => {
  const handle = await (await navigator.storage.getDirectory()).getFileHandle(name);
  const link = Object.assign(document.createElement("a"), { download: name });
  link.href = URL.createObjectURL(await handle.getFile());
  link.click();
}"""


def save(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download() as saved:
        page.get_by_role("button", name=button, exact=True).click()
    saved.value.save_as(folder / saved.value.suggested_filename)
    return folder / saved.value.suggested_filename


def picture_times(path: Path) -> tuple[tuple[int, int], list[float]]:
    """The size, and the time of each frame in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return (frames[0].width, frames[0].height), [float(frame.pts * frame.time_base) for frame in frames]


def result_size(page: Page) -> tuple[int, int]:
    width, height = page.locator("#result").evaluate("video => [video.videoWidth, video.videoHeight]")
    return width, height


def expect_recording(path: Path, size: tuple[int, int]) -> None:
    recorded, times = picture_times(path)
    assert recorded == size
    assert times[-1] - times[0] == pytest.approx(RECORDED_MS / 1000, abs=1)
    assert len(times) > 5 * RECORDED_MS / 1000
    assert (np.diff(times) >= 0).all()  # in ms: frames that were late can have the same time


def test_the_edited_picture_is_recorded_and_saved(page: Page, tmp_path: Path) -> None:
    record = page.get_by_role("button", name="Record")
    expect(record).to_be_disabled()
    start(page)
    wait_until(page, "document.getElementById('result').videoWidth > 0")
    page.evaluate(IN_MEMORY)
    record.click()
    page.wait_for_timeout(RECORDED_MS)
    expect_recording(save(page, "Stop recording", tmp_path), result_size(page))

    page.evaluate(IN_PRIVATE_FOLDER)
    record.click()
    page.wait_for_timeout(RECORDED_MS)
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator("#keep-note")).to_contain_text("Saved as lipar-")
    name = page.locator("#keep-note").inner_text().removeprefix("Saved as ")
    with page.expect_download() as saved:
        page.evaluate(DOWNLOAD, name)
    saved.value.save_as(tmp_path / "streamed")
    expect_recording(tmp_path / "streamed", result_size(page))

    for button, video in (("Save picture", "result"), ("Save source picture", "source")):
        path = save(page, button, tmp_path)
        assert path.name.endswith(f"-{video}.png")
        assert np.array(Image.open(path)).std() > 5


def test_the_timeline_has_the_changes_with_their_blocks(page: Page, tmp_path: Path) -> None:
    start(page)
    page.get_by_role("button", name="Thermal").click()
    expect_applied(page, "#prompt-note")
    path = save(page, "Save timeline", tmp_path)
    assert path.name.endswith("-timeline.json")
    timeline = read_timeline(path)
    assert (timeline.preset, timeline.omitted) == ("tiny", 0)
    assert [entry.parameters.prompt for entry in timeline.entries][-1] == "a thermal camera"
    assert len(timeline.entries) == 2
    expect(page.locator("#keep-note")).to_contain_text("Saved as lipar-")
