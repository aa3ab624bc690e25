"""One session's frames: from the camera into the model's ring, from its other ring to the outgoing track."""

import time

import av

from server.media.fit import Fitter
from server.media.ingest import Ingest
from server.media.pacer import Pacer
from server.media.rates import Rate
from server.media.tracks import EditedTrack
from server.ring import FrameRing


class FramePath:
    """Owns both rings and everything that waits beside them. Times in seconds on the monotonic clock."""

    def __init__(self, width: int, height: int, frames_per_block: int) -> None:
        capacity = 2 * frames_per_block
        self.incoming, self.outgoing = FrameRing(width, height, capacity), FrameRing(width, height, capacity)
        self.ingest = Ingest(self.incoming, frames_per_block)
        self.renew_track()
        self.fit = Fitter(width, height)
        self.frames_in, self.frames_edited, self.frames_out = Rate(), Rate(), Rate()
        self.latency_ms: float | None = None

    def renew_track(self) -> None:
        """A new connection begins: a track ends with its connection, and what waited for the old one is stale."""
        self.pacer = Pacer(self.outgoing.capacity)
        self.track = EditedTrack(self.pacer)
        self.flows = False  # an edited frame has come back

    def take_frame(self, frame: av.VideoFrame, now: float) -> None:
        """A camera frame has arrived."""
        self.frames_in.add(now)
        if self.ingest.wants(now):
            self.ingest.offer(self.fit(frame), now)

    def block_done(self, busy_ms: float | None, dropped: int, sessions: int) -> None:
        """The model put frames into the outgoing ring; `busy_ms` is None where it only repeated one."""
        now = time.monotonic()
        if busy_ms is not None:
            self.ingest.block_done(busy_ms / 1000, sessions)
        self.ingest.dropped += dropped
        planes, stamps = self.outgoing.take(self.outgoing.capacity)
        for picture, stamp in zip(planes, stamps, strict=True):
            self.pacer.add(picture, stamp, now)
            self.frames_edited.add(now)
        self.flows |= bool(stamps)
        self.track.wake()
        self.ingest.move()

    def empty_rings(self) -> None:
        """Frames that a dead model process left half-way are of no use to the next."""
        for ring in (self.incoming, self.outgoing):
            ring.take(ring.capacity)

    def figures(self) -> dict[str, float | int | None]:
        """Rates over the last seconds, latency of the newest frame sent, frames given up on the way."""
        now = time.monotonic()
        for sent, pts in self.track.sent:
            self.frames_out.add(sent)
            self.latency_ms = (sent - pts) * 1000
        self.track.sent.clear()
        return {
            "fps_in": round(self.frames_in.per_second(now), 1),
            "fps_out": round(self.frames_out.per_second(now), 1),
            "model_fps": round(self.frames_edited.per_second(now), 1),
            "latency_ms": None if self.latency_ms is None else round(self.latency_ms),
            "dropped_frames": self.ingest.dropped + self.pacer.dropped,
        }

    def close(self) -> None:
        """Free the shared memory."""
        self.incoming.close()
        self.outgoing.close()
