"""Keep masks and the overlay picture from a running server, whose model keeps the bright tokens."""

from collections import Counter
from io import BytesIO

import av
import httpx2
import numpy as np

from harness.echo import TOKEN, Echo, write_preset
from harness.local import free_port
from lipar_video.overlay import COMPUTED, REUSED, TINT
from server.media.keep_masks_channel import HEADER
from server.settings import Settings
from tests.server.api.whip_client import Watch, bearer
from tests.server.live import RunningServer, Viewer, eventually

WIDTH, HEIGHT = 96, 64
ROWS, COLS = HEIGHT // TOKEN, WIDTH // TOKEN


def frames_in_common(timestamps: set[int], viewer: Viewer) -> int:
    """How many frames arrived with these RTP timestamps, which aiortc reports from an unknown start."""
    arrived = [round(at * 90_000) for _, at in viewer.arrived]
    offsets = Counter((rtp - at) & 0xFFFFFFFF for rtp in timestamps for at in arrived)
    return max(offsets.values())


async def expect_masks_of_shown_frames(viewer: Viewer, running: RunningServer) -> None:
    """Open the channel, compare what it sends with the frames that arrive, close it."""
    masks = running.app.state.sessions.get(viewer.id).frames.keep_masks
    messages: list[bytes] = []
    channel = viewer.pc.createDataChannel("keep-masks", ordered=False, maxRetransmits=0)
    channel.on("message", messages.append)
    await eventually(lambda: len({message[HEADER.size :] for message in messages}) == 2)  # bright and dark frames
    headers = [HEADER.unpack(message[: HEADER.size]) for message in messages]
    assert {(rows, cols) for _, rows, cols in headers} == {(ROWS, COLS)}
    timestamps = {rtp for rtp, *_ in headers}
    assert {message[HEADER.size :] for message in messages} == {bytes(3), b"\xff\xff\xff"}
    await eventually(lambda: frames_in_common(timestamps, viewer) > 3)
    channel.close()
    await eventually(lambda: not masks.wanted)


async def expect_masks_for_a_viewer(client: httpx2.AsyncClient, session: str, token: str) -> None:
    async with Watch(client) as watcher:
        messages: list[bytes] = []
        channel = watcher.pc.createDataChannel("keep-masks", ordered=False, maxRetransmits=0)
        channel.on("message", messages.append)
        assert (await watcher.watch(session, bearer(token))).status_code == 201
        await eventually(lambda: len(messages) > 3)


async def test_masks_name_the_frames_that_arrive_and_the_picture_shows_them(tmp_path):
    settings = Settings(port=free_port(), preset=str(write_preset(tmp_path, width=WIDTH, height=HEIGHT)))
    with RunningServer(settings, Echo()) as running:
        async with running.ready() as client:
            viewer = Viewer(client)
            created = await viewer.start()
            assert created.status_code == 201
            await viewer.receives(4)
            for _ in range(2):  # it can be opened again
                await expect_masks_of_shown_frames(viewer, running)
            reply = await client.get(f"/api/v1/sessions/{viewer.id}/overlay.png")
            assert reply.headers["Content-Type"] == "image/png"
            with av.open(BytesIO(reply.content), format="png_pipe") as file:
                picture = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(float)
            assert picture.shape == (HEIGHT, WIDTH, 3)
            tint = COMPUTED if picture[..., 0].mean() > picture[..., 2].mean() else REUSED
            grey = (picture.mean(axis=(0, 1)) - np.array(tint) * TINT) / (1 - TINT)
            # coded chroma is off by one or two levels, the other tint by a hundred
            assert np.ptp(grey) < 10, "the tint is not one of the two"
            assert (grey.mean() > 127) == (tint == COMPUTED)
            await expect_masks_for_a_viewer(client, viewer.id, created.json()["view_token"])
            await client.delete(f"/api/v1/sessions/{viewer.id}")
            await viewer.close()
