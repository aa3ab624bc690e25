"""The overlay: it belongs to the frame that is shown, and lies exactly over it.

The camera numbers its frames, the echo model inverts them and keeps the bright tokens: orange must be where the edited
picture is bright, blue where it is dark.
"""

import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import FloatRect, Page, expect

from harness.accessibility import accessibility_violations
from harness.browser import Browsers, camera_flags, start, visit, wait_until
from harness.echo import TOKEN
from harness.echo_process import echo
from lipar_video.overlay import COMPUTED, TINT
from tests.browser.numbered_camera import write_numbered_camera

WIDTH, HEIGHT = 256, 144
FRAMES = 30
TRIES = 15  # of a screenshot, which may show the canvas one refresh after the video
MATCHES = 3
OVERLAY = ".overlay:not(#editor[hidden] *, #watch[hidden] *)"  # of the editor's page or a viewer's
Picture = NDArray[np.float64]

# The mean of each token of the shown picture, and the mask over it, read in the step in which the browser shows a
# frame: the page, which asked for that step before, has drawn its mask. Null where the frame's mask has not arrived.
RECORD_FRAMES = """async ({ id, count, token }) => {
  const video = document.getElementById(id), mask = document.querySelector(OVERLAY);
  const { videoWidth: width, videoHeight: height } = video;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  const frames = [];
  while (frames.length < count) {
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    copy.drawImage(video, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    const cols = width / token, luma = new Array((cols * height) / token).fill(0);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const index = Math.floor(y / token) * cols + Math.floor(x / token);
        luma[index] += data[(y * width + x) * 4 + 1] / token ** 2;
      }
    }
    const tint = new OffscreenCanvas(mask.width, mask.height).getContext("2d", { willReadFrequently: true });
    tint.drawImage(mask, 0, 0);
    const tints = tint.getImageData(0, 0, mask.width, mask.height).data;
    frames.push({ luma, isOrange: mask.hidden ? null : luma.map((_, i) => tints[i * 4] > tints[i * 4 + 2]) });
  }
  return frames;
}""".replace("OVERLAY", f"'{OVERLAY}'")


def tokens(picture: Picture) -> Picture:
    """[H, W] -> the mean of each token."""
    return picture.reshape(HEIGHT // TOKEN, TOKEN, WIDTH // TOKEN, TOKEN).mean(axis=(1, 3))


def agrees(luma: Picture, is_orange: NDArray[np.bool_]) -> bool:
    """Whether the tokens that are clearly bright are orange, and the clearly dark ones blue."""
    bright, dark = luma > 200, luma < 55
    assert bright.sum() > 20
    assert dark.sum() > 20
    return bool(is_orange[bright].all() and not is_orange[dark].any())


def expect_masks_of_shown_frames(page: Page, video: str = "result") -> None:
    wait_until(page, f"!document.querySelector('{OVERLAY}').hidden")
    frames = page.evaluate(RECORD_FRAMES, {"id": video, "count": FRAMES, "token": TOKEN})
    with_mask = [frame for frame in frames if frame["isOrange"] is not None]
    assert len(with_mask) > FRAMES * 0.7, "masks are missing"
    numbers, matches = set(), 0
    for frame in with_mask:
        luma = np.array(frame["luma"]).reshape(HEIGHT // TOKEN, WIDTH // TOKEN)
        matches += agrees(luma, np.array(frame["isOrange"]).reshape(luma.shape))
        numbers.add((luma[0] > 127).tobytes())
    assert matches > len(with_mask) * 0.8, "the masks are of other frames"  # a busy browser shows the next one early
    assert len(numbers) > FRAMES / 4, "the picture does not change"


def shown_tokens(page: Page, picture: FloatRect) -> tuple[Picture, NDArray[np.bool_]]:
    """Luma without the tint, and whether the tint is orange, of each token as it is on the screen."""
    with av.open(io.BytesIO(page.screenshot(clip=picture)), format="png_pipe") as file:
        screen = next(file.decode(video=0)).reformat(WIDTH, HEIGHT, "rgb24").to_ndarray().astype(float)
    luma = (screen[..., 1] - COMPUTED[1] * TINT) / (1 - TINT)
    return tokens(luma), tokens(screen[..., 0] - screen[..., 2]) > 0


def expect_aligned(page: Page, picture: FloatRect | None = None) -> None:
    """On the screen, for pictures that differ from their mirror images; `picture`: if it does not fill its video."""
    area = picture or page.locator("#result").bounding_box()
    assert area is not None
    matches = 0
    for _ in range(TRIES):
        luma, is_orange = shown_tokens(page, area)
        luma[:2] = 127  # the legend is there
        matches += agrees(luma, is_orange) and not agrees(luma[:, ::-1], is_orange)
        if matches == MATCHES:
            return
    raise AssertionError(f"the mask lay over its picture in {matches} of {TRIES} screenshots")


def test_the_overlay_belongs_to_the_shown_frame_and_lies_over_it(
    browsers: Browsers, chromium: Path, page_build: None, tmp_path: Path
) -> None:
    write_numbered_camera(tmp_path / "numbered.y4m", width=WIDTH, height=HEIGHT)
    flags = camera_flags(tmp_path / "numbered.y4m")
    with echo("--size", f"{WIDTH}x{HEIGHT}") as server, browsers.context(chromium, *flags) as context:
        page = visit(context, server.address)
        start(page)
        page.get_by_role("button", name="Edited picture only").click()
        button = page.get_by_role("button", name="Show recomputed parts")
        legend = page.locator("#overlay-legend")
        expect(button).to_have_attribute("aria-pressed", "false")
        expect(legend).to_be_hidden()
        expect(page.get_by_role("meter", name="Recomputed now")).to_have_attribute("value", "1")
        expect(page.locator("#speed-up")).to_have_text("Estimated: 1.0 times as fast as recomputing everything")

        page.keyboard.press("v")
        expect(button).to_have_attribute("aria-pressed", "true")
        expect_masks_of_shown_frames(page)
        expect(legend).to_contain_text("%")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert accessibility_violations(page) == []
        expect_aligned(page)
        page.keyboard.press("m")
        expect_aligned(page)
        page.keyboard.press("f")
        wait_until(page, "document.fullscreenElement !== null")
        expect_aligned(page)
        page.keyboard.press("f")

        button.click()
        expect(legend).to_be_hidden()
        expect(page.locator(".overlay")).to_be_hidden()
        button.click()
        expect_masks_of_shown_frames(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save overlay").click()
        with av.open(str(download.value.path()), format="png_pipe") as file:
            saved = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(float)
        luma = (saved[..., 1] - COMPUTED[1] * TINT) / (1 - TINT)
        assert agrees(tokens(luma), tokens(saved[..., 0] - saved[..., 2]) > 0)
        expect_overlay_of_a_viewer(page)


def expect_overlay_of_a_viewer(page: Page) -> None:
    page.get_by_role("button", name="Copy watch link").click()
    link = page.locator("#share-link").input_value()
    viewer = visit(page.context, link)
    expect(viewer.locator("#watch-pill")).to_have_text("Live")
    expect(viewer.locator(OVERLAY)).to_be_hidden()
    viewer.get_by_role("button", name="Show recomputed parts").click()
    expect_masks_of_shown_frames(viewer, "watched")
    expect(viewer.locator("#watch-legend")).to_contain_text("%")
    viewer.goto(link.replace("#", "&clean&overlay#"))
    viewer.set_viewport_size({"width": 2 * WIDTH, "height": 4 * HEIGHT})  # with bars above and below
    expect_masks_of_shown_frames(viewer, "watched")
    expect_aligned(viewer, {"x": 0, "y": HEIGHT, "width": 2 * WIDTH, "height": 2 * HEIGHT})
    assert viewer.locator("body").inner_text().strip() == ""
    viewer.close()
