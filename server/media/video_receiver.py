"""The incoming video of a connection: frames as they are decoded, each with the time its first packet came."""

import asyncio
import time
from collections.abc import Callable

import av
from aiortc import MediaStreamTrack, RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError

from server.media.loss_repair import LossRepair

OnFrame = Callable[[av.VideoFrame, float, float], None]


class VideoReceiver:
    """Takes every frame at once: a queue that nobody empties grows without end."""

    def __init__(self, receiver: RTCRtpReceiver, on_frame: OnFrame, on_end: Callable[[str], None]) -> None:
        """Before the receiver's first packet. `on_frame` gets a frame, when its first packet came, and the time now.

        `on_end` is told once that no more frames come.
        """
        self.on_frame, self.on_end = on_frame, on_end
        self.repair = LossRepair(receiver)
        self.last_frame_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, track: MediaStreamTrack) -> None:
        self._task = asyncio.create_task(self._receive(track), name="receive video")

    @property
    def started(self) -> bool:
        return self._task is not None

    def stop(self) -> None:
        self.repair.stop()
        if self._task is not None:
            self._task.cancel()

    async def _receive(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                now = time.monotonic()
                self.last_frame_at = now
                arrived = self.repair.arrived(frame.pts)
                self.on_frame(frame, now if arrived is None else arrived, now)
        except MediaStreamError:
            self.on_end("the camera's track has ended")
