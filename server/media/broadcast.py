"""A session's edited stream, given out when each frame is due to everyone who watches."""

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
from server.media.slate import IdlePicture
from server.ring import Planes
from server.supervisor import Supervisor

log = logging.getLogger(__name__)

TIME_BASE = fractions.Fraction(1, CLOCK_RATE)
SMOOTHING = 0.1  # weight of the newest interval between frames, and of its size
STALLED_S = 1.0  # a longer interval says nothing about the frame rate
KEYFRAME_GAP_S = 0.5  # at least, between keyframes that are asked for: viewers who come at once share one


class Broadcast:
    """Paces, encodes once for all H.264 tracks whose way carries the same rate, and hands out.

    A viewer costs a packet forwarded, not an encoder. Those whose way is narrower, or who take another codec, are
    given the frame and have it encoded for themselves.
    """

    def __init__(
        self,
        capacity: int,
        latency: Latency,
        on_due: Callable[[float, float], None],
        on_error: Callable[[str], None],
        counters: FrameCounters | None = None,
    ) -> None:
        """`capacity`: frames that may wait for their time. Runs until `close`, on the running event loop.

        `on_due` is told the source time of a frame that goes out, and the time now; `on_error`, of a fault of ours.
        """
        self.counters = counters or FrameCounters()
        self.pacer, self.latency, self.on_due = Pacer(capacity, self.counters), latency, on_due
        self.tracks: list[EditedTrack] = []
        self.keyframes = 0
        self.idle = IdlePicture()
        self.bitrate = 0.0  # bit/s of the shared stream, smoothed
        self._interval_s = 1 / 30  # between frames, smoothed
        self._last_sent: float | None = None
        self._encoder: H264Encoder | None = None
        self._keyframe_wanted = False
        self._keyframe_at = 0.0
        self._wake = asyncio.Event()
        self._began = time.monotonic()
        self._tasks = Supervisor(on_error)
        self._tasks.start(self._run(), "broadcast")

    @property
    def fps(self) -> float:
        return 1 / self._interval_s

    def add_track(self, *, primary: bool) -> EditedTrack:
        """A track of the stream for one more connection; it leaves with its `stop`."""
        track = EditedTrack(self, primary=primary)
        self.tracks.append(track)
        self._wake.set()
        return track

    def remove_track(self, track: EditedTrack) -> None:
        if track in self.tracks:
            self.tracks.remove(track)

    def add(self, planes: Planes, stamp: float, now: float) -> None:
        """An edited frame is ready; `stamp` is its source time."""
        self.pacer.add(planes, stamp, now)
        assert self.pacer.delay is not None
        self.latency.add("pacing", stamp + self.pacer.delay - now)
        self._wake.set()

    def source_disconnected(self) -> None:
        """Nobody sends video any more; who watches is told after a while, until it comes back."""
        self.idle.source_disconnected(time.monotonic())

    def source_reconnected(self) -> None:
        """What waits is stale: its source has gone and come back."""
        self.pacer.restart()
        self.idle.source_reconnected()

    def request_keyframe(self) -> None:
        """Make a coming packet one that can be decoded by itself."""
        self._keyframe_wanted = True

    def close(self) -> None:
        self._tasks.cancel()

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            wait, idle = self.pacer.wait(now), self.idle.wait(now) if self._repeats else None
            if wait == 0:
                await self._give(*self.pacer.pop())
                continue
            if idle == 0:
                await self._send(self.idle.take(now), now, repeated=True)
                continue
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min((one for one in (wait, idle) if one), default=None))

    @property
    def _repeats(self) -> bool:
        """To viewers alone: an editor's page has to see for itself that nothing comes."""
        return bool(self.tracks) and not any(track.primary for track in self.tracks)

    async def _give(self, planes: Planes, stamp: float) -> None:
        now = time.monotonic()
        self.on_due(stamp, now)
        if self._last_sent is not None:
            self._interval_s += SMOOTHING * (min(now - self._last_sent, STALLED_S) - self._interval_s)
        self._last_sent = now
        self.idle.new_picture(planes, now)
        await self._send(planes, now)
        self.counters.sent += 1

    async def _send(self, planes: Planes, now: float, *, repeated: bool = False) -> None:
        """To every track; what is repeated says nothing about rates."""
        pts = round((now - self._began) * CLOCK_RATE)
        sharing = [track for track in self.tracks if track.shares(self.bitrate)]
        packet = await self._encoded(_frame(planes, pts), sharing) if sharing else None
        for track in self.tracks:
            if track not in sharing:
                track.give(_frame(planes, pts))
            elif packet is not None:
                track.give(packet)
        if packet is not None and not repeated:
            self.bitrate += SMOOTHING * (packet.size * 8 * self.fps - self.bitrate)
            self.latency.add("encode", time.monotonic() - now)

    async def _encoded(self, frame: av.VideoFrame, sharing: list[EditedTrack]) -> "av.Packet[Any] | None":
        controls = [track.control for track in sharing if track.control is not None]
        leader = next((track.control for track in sharing if track.primary), None)
        control = leader or max(controls, key=lambda control: control.target)
        begin = time.monotonic()
        keyframe = self._keyframe_wanted and begin - self._keyframe_at > KEYFRAME_GAP_S
        if keyframe:
            self._keyframe_wanted, self._keyframe_at = False, begin
        try:
            if self._encoder is None:
                self._encoder = open_encoder(frame.width, frame.height, control.maximum)
            self._encoder.aim(control.target, self.fps)
            encode = functools.partial(self._encoder.encode, frame, keyframe=keyframe)
            packet = await asyncio.get_running_loop().run_in_executor(None, encode)
        except av.FFmpegError:
            log.exception("a frame could not be encoded; a new encoder takes the next")
            self._encoder = None
            return None
        self.keyframes += packet.is_keyframe
        return packet


def _frame(planes: Planes, pts: int) -> av.VideoFrame:
    """A frame of its own for every encoder: an encoder marks it."""
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts, frame.time_base = pts, TIME_BASE
    return frame
