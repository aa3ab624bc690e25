"""Fixtures of the browser tests: the page's build, the fake camera, live servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from harness.browser import browser, camera_flags, expect_pill, stop, visit
from harness.camera import write_camera
from harness.live_server import LiveServer, running_server
from harness.local import ROOT
from tests.browser.sources import write_clip

CLIP = "cups.mp4"
CLIP_FRAMES = 64  # static camera, strong colours; 64 frames are a loop of 4 s
ORANGE = (230, 120, 20)
BLUE = (20, 60, 220)


class Camera:
    """A file for Chromium's fake camera, and the duration of its loop."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "camera.y4m"
        self.loop_s = write_camera(CLIP, self.path, width=256, height=144, frames=CLIP_FRAMES)


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Camera:
    return Camera(tmp_path_factory.mktemp("camera"))


@pytest.fixture(scope="session")
def page_build() -> None:
    if not (ROOT / "server" / "static" / "index.html").exists():
        pytest.fail("the page is not built: run `make web`")


@pytest.fixture(scope="session")
def live_server(page_build: None) -> Iterator[LiveServer]:
    with running_server("--allowed-hosts", "lipar.test") as server:  # a name at which the page is an insecure context
        yield server


@pytest.fixture
def own_server(page_build: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """A server with a single slot, for tests that fill it, or kill it or its model process."""
    monkeypatch.setenv("LIPAR_MAX_SESSIONS", "1")
    with running_server() as server:
        yield server


@pytest.fixture
def page(chromium: Path, camera: Camera, live_server: LiveServer) -> Iterator[Page]:
    """The page before Start; a session that is still open after the test is stopped."""
    with browser(chromium, *camera_flags(camera.path)) as context:
        page = visit(context, live_server.address)
        expect_pill(page, "Ready")
        yield page
        if page.get_by_role("button", name="Stop", exact=True).count():
            stop(page, live_server)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of one colour each, portrait and wide, and one that is not a video."""
    folder = tmp_path_factory.mktemp("clips")
    paths = {name: folder / f"{name}.mp4" for name in ("portrait", "wide", "broken")}
    write_clip(paths["portrait"], 270, 480, ORANGE)
    write_clip(paths["wide"], 1280, 360, BLUE)
    paths["broken"].write_bytes(b"no video" * 1000)
    return paths
