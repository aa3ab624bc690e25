"""Fixtures of the browser tests: the page's build, the fake camera, live servers."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from harness.browser import Browsers, camera_flags, expect_pill, running_browsers, stop, visit
from harness.camera import write_camera
from harness.live_server import LiveServer, running_server
from harness.local import ROOT
from tests.browser.sources import write_clip

CLIP = "cups.mp4"
CLIP_FRAMES = 48  # static camera, strong colours; 48 frames are a loop of 3 s
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


@pytest.fixture(scope="package")
def single_slot_server(page_build: None) -> Iterator[LiveServer]:
    with running_server("--max-sessions", "1") as server:
        yield server


@pytest.fixture
def own_server(single_slot_server: LiveServer) -> LiveServer:
    """A server with a single slot, for tests that fill it, or kill it or its model process: ready, without session."""
    if single_slot_server.process is None:
        single_slot_server.start()
    single_slot_server.wait_until_ready()
    single_slot_server.end_sessions()
    return single_slot_server


@pytest.fixture(scope="package")
def browsers() -> Iterator[Browsers]:
    """Not for the whole run: tests with an event loop cannot run while Playwright's does."""
    with running_browsers() as browsers:
        yield browsers


@pytest.fixture(autouse=True)
def no_console_message(request: pytest.FixtureRequest, browsers: Browsers) -> Iterator[None]:
    """Fails a test whose pages write anything to their consoles but what its mark `console_messages` allows."""
    browsers.messages.clear()
    yield
    allowed = [pattern for mark in request.node.iter_markers("console_messages") for pattern in mark.args]
    assert [text for text in browsers.messages if not any(re.search(pattern, text) for pattern in allowed)] == []


@pytest.fixture
def context(browsers: Browsers, chromium: Path, camera: Camera) -> Iterator[BrowserContext]:
    """A fresh profile of a browser with the camera and the permission to use it."""
    with browsers.context(chromium, *camera_flags(camera.path)) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer) -> Iterator[Page]:
    """The page before Start; a session that is still open after the test is stopped."""
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
