"""A session's edited stream: each frame is sent to all connections when it is due."""

import asyncio
import contextlib
import fractions
import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import av

from server.media.counters import FrameCounters
from server.media.edited_track import EditedTrack
from server.media.h264 import CLOCK_RATE, H264Encoder, open_encoder
from server.media.latency import Latency
from server.media.pacer import Pacer
from server.media.slate import IdleFrame
from server.ring import Planes
from server.supervisor import Supervisor

log = logging.getLogger(__name__)

TIME_BASE = fractions.Fraction(1, CLOCK_RATE)
SMOOTHING = 0.1  # weight of the newest frame interval and packet size
STALLED_S = 1.0  # longer intervals are clipped: a stall is not a frame rate
MIN_KEYFRAME_INTERVAL_S = 0.5  # between requested keyframes: viewers that join together share one


class Broadcast:
    """Paces frames, encodes each once for all H.264 tracks that can receive the same bitrate, and distributes packets.

    A viewer costs a forwarded packet, not an encoder. Tracks with less bandwidth, or with another codec, get the
    frame and have it encoded separately.
    """

    def __init__(
        self,
        capacity: int,
        latency: Latency,
        on_due: Callable[[float, float], None],
        on_error: Callable[[str], None],
        counters: FrameCounters | None = None,
    ) -> None:
        """`capacity`: frames that may wait in the pacer. Runs until `close`, on the running event loop.

        `on_due(source_time, now)` is called for each frame sent; `on_error(reason)` after an internal error.
        """
        self.counters = counters or FrameCounters()
        self.pacer = Pacer(capacity, self.counters)
        self.latency = latency
        self.on_due = on_due
        self.tracks: list[EditedTrack] = []
        self.keyframes = 0
        self.idle = IdleFrame()
        self.bitrate = 0.0  # bit/s of the shared stream, smoothed
        self._interval_s = 1 / 30  # between frames, smoothed
        self._last_sent: float | None = None
        self._encoder: H264Encoder | None = None
        self._keyframe_requested = False
        self._keyframe_at = 0.0
        self._wake = asyncio.Event()
        self._start = time.monotonic()
        self._tasks = Supervisor(on_error)
        self._tasks.start(self._run(), "broadcast")

    @property
    def fps(self) -> float:
        return 1 / self._interval_s

    def add_track(self, *, primary: bool) -> EditedTrack:
        """A track of the stream for one more connection; its `stop` removes it."""
        track = EditedTrack(self, primary=primary)
        self.tracks.append(track)
        self._wake.set()
        return track

    def remove_track(self, track: EditedTrack) -> None:
        if track in self.tracks:
            self.tracks.remove(track)

    def add(self, planes: Planes, stamp: float, now: float) -> None:
        """Queue an edited frame; `stamp` is its source time."""
        self.pacer.add(planes, stamp, now)
        assert self.pacer.delay is not None
        self.latency.add("pacing", stamp + self.pacer.delay - now)
        self._wake.set()

    def source_disconnected(self) -> None:
        """The source has disconnected: after `HOLD_S` viewers see the slate, until it reconnects."""
        self.idle.source_disconnected(time.monotonic())

    def source_reconnected(self) -> None:
        """The source has reconnected: discard the queued frames of the old connection."""
        self.pacer.reset()
        self.idle.source_reconnected()

    def request_keyframe(self) -> None:
        """Encode a keyframe, `MIN_KEYFRAME_INTERVAL_S` after the last requested one at the earliest."""
        self._keyframe_requested = True

    def close(self) -> None:
        self._tasks.cancel()

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            wait = self.pacer.wait(now)
            idle = self.idle.wait(now) if self._repeats_last_frame else None
            if wait == 0:
                await self._send_due(*self.pacer.pop())
                continue
            if idle == 0:
                await self._send(self.idle.pop(now), now, repeated=True)
                continue
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min((one for one in (wait, idle) if one), default=None))

    @property
    def _repeats_last_frame(self) -> bool:
        """Only if no editor is connected: the editor's page detects by itself that no frames arrive."""
        return bool(self.tracks) and not any(track.primary for track in self.tracks)

    async def _send_due(self, planes: Planes, stamp: float) -> None:
        now = time.monotonic()
        self.on_due(stamp, now)
        if self._last_sent is not None:
            self._interval_s += SMOOTHING * (min(now - self._last_sent, STALLED_S) - self._interval_s)
        self._last_sent = now
        self.idle.new_frame(planes, now)
        await self._send(planes, now)
        self.counters.sent += 1

    async def _send(self, planes: Planes, now: float, *, repeated: bool = False) -> None:
        """Send to every track; `repeated` frames don't count in the bitrate."""
        pts = round((now - self._start) * CLOCK_RATE)
        sharing = [track for track in self.tracks if track.can_share(self.bitrate)]
        packet = await self._encode(_frame(planes, pts), sharing) if sharing else None
        for track in self.tracks:
            if track not in sharing:
                track.send(_frame(planes, pts))
            elif packet is not None:
                track.send(packet)
        if packet is not None and not repeated:
            self.bitrate += SMOOTHING * (packet.size * 8 * self.fps - self.bitrate)
            self.latency.add("encode", time.monotonic() - now)

    async def _encode(self, frame: av.VideoFrame, sharing: list[EditedTrack]) -> "av.Packet[Any] | None":
        controls = [track.control for track in sharing if track.control is not None]
        primary = next((track.control for track in sharing if track.primary), None)
        control = primary or max(controls, key=lambda control: control.target)
        now = time.monotonic()
        keyframe = self._keyframe_requested and now - self._keyframe_at > MIN_KEYFRAME_INTERVAL_S
        if keyframe:
            self._keyframe_requested = False
            self._keyframe_at = now
        try:
            if self._encoder is None:
                self._encoder = open_encoder(frame.width, frame.height, control.maximum)
            self._encoder.set_rate(control.target, self.fps)
            encode = functools.partial(self._encoder.encode, frame, keyframe=keyframe)
            packet = await asyncio.get_running_loop().run_in_executor(None, encode)
        except av.FFmpegError:
            log.exception("a frame could not be encoded; a new encoder takes the next")
            self._encoder = None
            return None
        self.keyframes += packet.is_keyframe
        return packet


def _frame(planes: Planes, pts: int) -> av.VideoFrame:
    """A new frame for each encoder, because encoders modify the frame."""
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts, frame.time_base = pts, TIME_BASE
    return frame
