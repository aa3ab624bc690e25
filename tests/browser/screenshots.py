"""Screenshots of the live page for the documentation: `python -m tests.browser.screenshots` from the repository."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import av
from av.filter import Graph

from harness.browser import browser, camera_flags, expect_applied, start, stop, visit
from harness.camera import write_camera
from harness.live_server import running_server
from harness.local import ROOT

IMAGES = ROOT / "docs" / "images"
CLIP = "webcam_desk.mp4"
FRAMES = 125
STYLE = "Pencil sketch"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
SETTLE_S = 6


def main() -> None:
    chromium = next(Path(path) for name in ("chromium", "google-chrome") if (path := shutil.which(name)))
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), running_server() as server:
        camera = Path("webcam_desk.y4m")  # the page shows the file's name as the camera's
        write_camera(CLIP, camera, width=256, height=144, frames=FRAMES)
        with browser(chromium, *camera_flags(camera)) as context:
            page = visit(context, server.address)
            start(page)
            page.get_by_role("button", name=STYLE, exact=True).click()
            expect_applied(page, "#prompt-note")
            for name, size in {"page.png": DESKTOP, "page_phone.png": PHONE}.items():
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.wait_for_timeout(SETTLE_S * 1000)
                page.screenshot(path="full.png")
                write_palette_png(Path("full.png"), IMAGES / name)
            stop(page, server)


def write_palette_png(full: Path, target: Path) -> None:
    """The same image in 256 colours, a third of the size."""
    with av.open(str(full)) as source:
        frame = next(source.decode(video=0))
    graph = Graph()
    start = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base="1/25")
    split = graph.add("split")
    palette = graph.add("palettegen")
    use = graph.add("paletteuse", "dither=sierra2_4a")
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
