"""A session's edited stream: each frame is sent to all sinks when it is due."""

import asyncio
import contextlib
import fractions
import time
from collections.abc import Callable

import av

from server.media.counters import SessionCounters
from server.media.h264 import CLOCK_RATE
from server.media.pacer import Pacer
from server.media.sink import Packet, PacketDemand, VideoSink
from server.media.slate import IdleFrame
from server.media.stream_encoder import StreamEncoder
from server.ring import Planes
from server.supervisor import Supervisor

TIME_BASE = fractions.Fraction(1, CLOCK_RATE)
SMOOTHING = 0.1  # weight of the newest frame interval and packet size
STALLED_S = 1.0  # longer intervals are clipped: a stall is not a frame rate
MIN_KEYFRAME_INTERVAL_S = 0.5  # between requested keyframes: viewers that join together share one


class Broadcast:
    """Paces frames, encodes each once for all sinks that take packets of the same bitrate, and distributes packets.

    A viewer costs a forwarded packet, not an encoder. Sinks with less bandwidth, or with another codec, get the
    frame and encode it themselves. Each has its own queue: a slow one delays no other.
    """

    def __init__(
        self,
        capacity: int,
        on_due: Callable[[float, float, int], None],
        on_error: Callable[[str], None],
        counters: SessionCounters | None = None,
    ) -> None:
        """`capacity`: frames that may wait in the pacer. Runs until `close`, on the running event loop.

        `on_due(source_time, now, pts)` is called for each frame sent, with its pts in ticks of 1/90000 s;
        `on_error(reason)` after an internal error.
        """
        self.counters = counters or SessionCounters()
        self.pacer = Pacer(capacity, self.counters)
        self.on_due = on_due
        self.sinks: list[VideoSink] = []
        self.idle = IdleFrame()
        self.bitrate = 0.0  # bit/s of the shared stream, smoothed
        self._interval_s = 1 / 30  # between frames, smoothed
        self._last_sent: float | None = None
        self._encoder = StreamEncoder(MIN_KEYFRAME_INTERVAL_S)
        self._wake = asyncio.Event()
        self._start = time.monotonic()
        self._tasks = Supervisor(on_error)
        self._tasks.start(self._run(), "broadcast")

    @property
    def fps(self) -> float:
        return 1 / self._interval_s

    @property
    def queued(self) -> int:
        """Number of items in the queues of all sinks."""
        return sum(sink.queued for sink in self.sinks)

    def subscribe(self, sink: VideoSink) -> None:
        """Send to `sink` from the next frame on."""
        self.sinks.append(sink)
        self._wake.set()

    def unsubscribe(self, sink: VideoSink) -> None:
        """Send nothing more to `sink`; idempotent."""
        if sink in self.sinks:
            self.sinks.remove(sink)

    def add(self, planes: Planes, stamp: float, now: float) -> None:
        """Queue an edited frame; `stamp` is its source time."""
        self.pacer.add(planes, stamp, now)
        assert self.pacer.delay is not None
        self.counters.latency.add("pacing", stamp + self.pacer.delay - now)
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
        self._encoder.request_keyframe()

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
                await self._send(self.idle.pop(now), now, self._pts(now), repeated=True)
                continue
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                timeout = min((seconds for seconds in (wait, idle) if seconds), default=None)
                await asyncio.wait_for(self._wake.wait(), timeout)

    @property
    def _repeats_last_frame(self) -> bool:
        """Only if no editor is connected: the editor's page detects by itself that no frames arrive."""
        return bool(self.sinks) and not any(sink.primary for sink in self.sinks)

    async def _send_due(self, planes: Planes, stamp: float) -> None:
        now = time.monotonic()
        pts = self._pts(now)
        self.on_due(stamp, now, pts)
        if self._last_sent is not None:
            self._interval_s += SMOOTHING * (min(now - self._last_sent, STALLED_S) - self._interval_s)
        self._last_sent = now
        self.idle.new_frame(planes, now)
        await self._send(planes, now, pts)
        self.counters.sent += 1

    def _pts(self, now: float) -> int:
        return round((now - self._start) * CLOCK_RATE)

    async def _send(self, planes: Planes, now: float, pts: int, *, repeated: bool = False) -> None:
        """Send to every sink; `repeated` frames don't count in the bitrate."""
        demands = [(sink, sink.wants(self.bitrate)) for sink in self.sinks]
        sharing = [(sink, demand) for sink, demand in demands if isinstance(demand, PacketDemand)]
        packet = await self._encode(_frame(planes, pts), sharing) if sharing else None
        for sink, demand in demands:
            item = _frame(planes, pts) if demand == "frames" else packet
            if demand is not None and item is not None and sink in self.sinks:  # it may have left during the encoding
                self.counters.not_taken += sink.send(item)
        if packet is not None and not repeated:
            self.bitrate += SMOOTHING * (packet.size * 8 * self.fps - self.bitrate)
            self.counters.latency.add("encode", time.monotonic() - now)

    async def _encode(self, frame: av.VideoFrame, sharing: list[tuple[VideoSink, PacketDemand]]) -> "Packet | None":
        primary = next((demand for sink, demand in sharing if sink.primary), None)
        demand = primary or max((demand for _, demand in sharing), key=lambda demand: demand.target)
        packet = await self._encoder.encode(frame, demand, self.fps)
        self.counters.keyframes += packet is not None and packet.is_keyframe
        return packet


def _frame(planes: Planes, pts: int) -> av.VideoFrame:
    """A new frame for each encoder, because encoders modify the frame."""
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts, frame.time_base = pts, TIME_BASE
    return frame
