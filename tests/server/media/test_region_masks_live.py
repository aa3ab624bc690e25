"""Masks of the region over a real data channel: each is applied to the frame that it names, late ones are not."""

import time
from collections.abc import Callable

import av
import numpy as np
from aiortc import RTCDataChannel, VideoStreamTrack

from harness.local import free_port
from server.media.region_masks import HEADER
from server.settings import Settings
from tests.server.bundle import write_bundle
from tests.server.live import RunningServer, Viewer, eventually

PHASE = 20  # frames of one level
LEVELS = {"dark": 40, "bright": 200}
TOLERANCE = 8
FRAMES = 40  # judged
STRAY = 0.15  # of them: a sender report of aiortc is up to a frame off, so that a phase's ends may be
LATE_S = 2.5  # masks serve frames of up to 2 s later


class MaskingCamera(VideoStreamTrack):
    """Frames that are dark and bright in turn, each with its mask: one value for the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0
        self.channel: RTCDataChannel | None = None
        self.edited: Callable[[str], bool] = lambda _: True  # whether frames of this name are in the region
        self.delay_s = 0.0  # of masks: they name a frame of this long ago

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        name = "bright" if self.frames // PHASE % 2 else "dark"
        self.frames += 1
        if self.channel is not None and self.channel.readyState == "open":
            level = 255 if self.edited(name) else 0
            self.channel.send(HEADER.pack((time.time() - self.delay_s) * 1000, 1, 1) + bytes([level]))
        frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), LEVELS[name], np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


async def expect_sources(viewer: Viewer, shown: set[str]) -> None:
    """Of the newest frames those that show the source, unedited, are of these names; others do not show it."""

    def is_so() -> bool:
        newest = np.array(viewer.levels[-FRAMES:])
        parts = {name: (abs(newest - level) < TOLERANCE).mean() for name, level in LEVELS.items()}
        return all((part > 2 * STRAY) if name in shown else (part < STRAY) for name, part in parts.items())

    await viewer.receives(FRAMES)
    await eventually(is_so)


async def test_a_mask_belongs_to_its_frame_and_a_late_one_is_dropped(tmp_path):
    settings = Settings(port=free_port(), preset=str(write_bundle(tmp_path)), threads=1)
    with RunningServer(settings) as running:
        async with running.ready() as client:
            camera = MaskingCamera()
            viewer = Viewer(client, camera)
            viewer.pc.addTransceiver("audio")  # sender reports are read if the offer has an audio section
            channel = viewer.pc.createDataChannel("region-masks", ordered=False, maxRetransmits=0)
            assert (await viewer.start(region={"source": "frames", "feather": 0.0})).status_code == 201
            camera.channel = channel
            for edited in LEVELS:
                camera.edited = lambda name, edited=edited: name == edited
                await expect_sources(viewer, set(LEVELS) - {edited})
            camera.edited, camera.delay_s = lambda _: False, LATE_S
            await expect_sources(viewer, set())
            await client.delete(f"/api/v1/sessions/{viewer.id}")
            await viewer.close()
