"""Pictures of the page at work, for the documentation: `python -m tests.browser.picture` from the project's folder."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import av
from av.filter import Graph

from tests.browser.browser import browser, expect_applied, playing, start, stop, visit
from tests.browser.camera import write_camera
from tests.browser.live_server import running
from tests.rooms import ROOT

IMAGES = ROOT / "docs" / "images"
CLIP, FRAMES, STYLE = "webcam_desk.mp4", 125, "Pencil sketch"
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SETTLE_S = 6


def main() -> None:
    chromium = next(Path(found) for name in ("chromium", "google-chrome") if (found := shutil.which(name)))
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), running() as server:
        camera = Path("webcam_desk.y4m")  # the page shows the camera's name
        write_camera(CLIP, camera, width=256, height=144, frames=FRAMES)
        with browser(chromium, *playing(camera)) as context:
            page = visit(context, server.address)
            start(page)
            page.get_by_role("button", name=STYLE, exact=True).click()
            expect_applied(page, "#prompt-note")
            for name, size in {"page.png": DESK, "page_phone.png": PHONE}.items():
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.wait_for_timeout(SETTLE_S * 1000)
                page.screenshot(path="full.png")
                write_small(Path("full.png"), IMAGES / name)
            stop(page, server)


def write_small(full: Path, target: Path) -> None:
    """The same picture in 256 colours: a third of the bytes."""
    with av.open(str(full)) as source:
        frame = next(source.decode(video=0))
    graph = Graph()
    start = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base="1/25")
    split, palette, use = graph.add("split"), graph.add("palettegen"), graph.add("paletteuse", "dither=sierra2_4a")
    end = graph.add("buffersink")
    start.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(end)
    graph.configure()
    frame.pts = 0
    graph.push(frame)
    graph.push(None)
    small = graph.pull()
    with av.open(str(target), "w", format="image2", options={"update": "1"}) as out:
        stream = out.add_stream("png", rate=25, options={"compression_level": "9", "pred": "none"})
        stream.width, stream.height, stream.pix_fmt = small.width, small.height, "pal8"
        out.mux([*stream.encode(small), *stream.encode(None)])


if __name__ == "__main__":
    main()
