"""The frames of one session: from the camera to the model's input ring, from its output ring to the connections."""

import math
import time
from collections.abc import Callable, Sequence

import av

from lipar_core.config import StreamConfig
from lipar_core.parameters import Parameters
from server.media.audio.broadcast import AudioBroadcast
from server.media.audio.track import AudioTrack
from server.media.broadcast import Broadcast
from server.media.capture_times import CaptureTimes
from server.media.colour_space import ColourSpace
from server.media.counters import SessionCounters
from server.media.edited_track import EditedTrack
from server.media.fitter import Fitter
from server.media.ingest import Ingest
from server.media.keep_masks import KeepMasks
from server.media.peer_media import PeerMedia
from server.media.rate import Rate
from server.media.region_masks import RegionMaskReceiver
from server.media.video_receiver import OnFrame
from server.ring import FrameRing
from server.wire import FrameMask

SOURCE_TIMEOUT_S = 1.0  # without a frame the source is inactive and uses no model time
STALLED_S = 1.5  # minimum time for a block before the model counts as stalled
STALLED_BLOCKS = 4  # the same, in multiples of the usual time per block


class FramePipeline:
    """Owns both rings and the queues around them. Times in seconds on the monotonic clock."""

    def __init__(
        self,
        stream: StreamConfig,
        on_put: Callable[[int], None],
        on_taken: Callable[[int], None],
        parameters: Callable[[], Parameters],
        on_error: Callable[[str], None],
    ) -> None:
        """`on_put(total)`: frames written to the input ring so far; `on_taken(total)`: read from the output ring.

        `parameters`: those of now. `on_error(reason)`: an internal error, after which nothing is sent.

        Raises `OSError` if there is too little shared memory.
        """
        size = stream.width, stream.height, stream.frames_per_block
        self.stream = stream
        self.incoming = FrameRing(*size)
        try:
            self.outgoing = FrameRing(*size)
        except OSError:
            self.incoming.close()
            raise
        self.on_put = on_put
        self.on_taken = on_taken
        self.counters = SessionCounters()
        self.ingest = Ingest(self.incoming, self._frames_put, self.counters)
        self.capture_times = CaptureTimes()
        self.keep_masks = KeepMasks(stream.rows, stream.cols)
        self.region_masks = RegionMaskReceiver(self.capture_times)
        self.audio = AudioBroadcast(lambda: parameters().paused, on_error, self.counters)
        self.broadcast = Broadcast(self.outgoing.capacity, self._frame_due, on_error, self.counters)
        self.parameters = parameters
        self.fitter = Fitter(stream.width, stream.height)
        self.frames_in, self.frames_edited, self.frames_out = Rate(), Rate(), Rate()
        self.latency_ms: float | None = None
        self.has_output = False  # an edited frame has been returned
        self._last_frame_at = -math.inf  # of the source
        self._block_pending_since: float | None = None  # a full block waits for the model since then
        self.one_way_s = 0.0  # half the RTT to the camera's browser; 0 while unknown

    def source_media(self, on_frame: OnFrame, *, sends: bool) -> PeerMedia:
        """Of a connection that the video comes from. `sends`: the edited video is sent back on it."""
        return PeerMedia(
            on_frame=on_frame,
            counters=self.counters,
            track=EditedTrack(self.broadcast, primary=True) if sends else None,
            capture_times=self.capture_times,
            keep_masks=self.keep_masks,
            region_masks=self.region_masks,
            audio_in=self.audio,
            audio_out=AudioTrack(self.audio) if sends else None,
        )

    def viewer_media(self) -> PeerMedia:
        """Of a connection that watches."""
        return PeerMedia(
            track=EditedTrack(self.broadcast, primary=False),
            keep_masks=self.keep_masks,
            audio_out=AudioTrack(self.audio),
        )

    def record_round_trip(self, round_trip_s: float | None, playout_s: float | None) -> None:
        """Record the RTT from RTCP, and the page's delay of jitter buffer and decoder."""
        if round_trip_s is not None:
            self.one_way_s = round_trip_s / 2
            self.counters.latency.add("transport_out", self.one_way_s + (playout_s or 0.0))

    def source_reconnected(self) -> None:
        """The source has a new connection: discard the queued frames of the old one."""
        self.broadcast.source_reconnected()
        self.audio.reset()
        self.has_output = False

    def receive_frame(
        self, frame: av.VideoFrame, first_packet: float, now: float, colours: ColourSpace | None = None
    ) -> None:
        """Handle a decoded camera frame; `first_packet`: arrival time of its first packet."""
        self.counters.received += 1
        self.frames_in.add(now)
        self._last_frame_at = now
        self.counters.latency.add("transport_in", now - first_packet + self.one_way_s)
        if self.ingest.admits(now):
            self.ingest.enqueue(self.fitter(frame, colours, self.parameters().fit), now)

    def _frame_due(self, stamp: float, now: float, pts: int) -> None:
        self.capture_times.sent(stamp, pts)
        self.keep_masks.sent(stamp, pts)
        self.audio.frame_sent(stamp, now)
        self.frames_out.add(now)
        self.latency_ms = (now - stamp) * 1000

    def block_done(
        self,
        edit_ms: float | None,
        clean_ms: float,
        dropped: int,
        sessions: int,
        masks: Sequence[FrameMask],
    ) -> None:
        """The model has put frames into the output ring after `edit_ms`; None if it only repeated one.

        `clean_ms`: of the clean pass of the block before. `masks`: of the frames, if they are wanted.
        """
        now = time.monotonic()
        planes, stamps = self.outgoing.take(self.outgoing.capacity)
        self.on_taken(self.outgoing.read)
        if edit_ms is not None:
            self._block_edited(edit_ms / 1000, clean_ms / 1000, stamps, now, sessions)
        self.counters.not_returned += dropped
        self.counters.edited += len(stamps)
        for picture, stamp in zip(planes, stamps, strict=True):
            self.broadcast.add(picture, stamp, now)
            self.frames_edited.add(now)
        self.keep_masks.add(masks, dict(zip(stamps, planes, strict=True)))
        self.has_output |= bool(stamps)
        self._block_pending_since = now if self.incoming.has_block else None

    def _block_edited(self, edit_s: float, clean_s: float, stamps: list[float], now: float, sessions: int) -> None:
        self.counters.blocks += 1
        self.counters.block_s.observe(edit_s + clean_s)
        self.ingest.block_done(edit_s + clean_s, sessions)
        for stamp in stamps:
            self.counters.latency.add("wait", now - edit_s - stamp)
            self.counters.latency.add("model", edit_s)

    @property
    def source_active(self) -> bool:
        """Whether the source has sent a frame within `SOURCE_TIMEOUT_S`."""
        return time.monotonic() - self._last_frame_at < SOURCE_TIMEOUT_S

    def stalled_s(self, now: float) -> float | None:
        """Age of the pending block if the model is stalled; else None."""
        if self._block_pending_since is None or self.ingest.model_fps is None:
            return None
        usual_s = self.incoming.frames_per_block / self.ingest.model_fps
        pending_s = now - self._block_pending_since
        return pending_s if pending_s > max(STALLED_S, STALLED_BLOCKS * usual_s) else None

    def _frames_put(self) -> None:
        self.on_put(self.incoming.written)
        if self._block_pending_since is None and self.incoming.has_block:
            self._block_pending_since = time.monotonic()

    def release_input(self, total: int) -> None:
        """The model has read `total` frames from the input ring so far: move queued frames into it."""
        self.incoming.set_read(total)
        self.ingest.fill_ring()

    def reset_rings(self) -> None:
        """Discard the frames that a dead model process left in the rings."""
        self.incoming.restart()
        self.outgoing.restart()
        self._block_pending_since = None

    def stats(self) -> dict[str, object]:
        """Rates over the last seconds, latency of the newest frame sent, dropped frames, queue lengths."""
        now = time.monotonic()
        return {
            "fps_in": round(self.frames_in.per_second(now), 1),
            "fps_out": round(self.frames_out.per_second(now), 1),
            "model_fps": round(self.frames_edited.per_second(now), 1),
            "latency_ms": None if self.latency_ms is None else round(self.latency_ms),
            "latency_stages_ms": self.counters.latency.medians_ms(),
            "dropped_frames": self.counters.dropped,
            "undecodable_frames": self.counters.undecodable,
            "counters": self.counters.counts(),
            "queues": {
                "ingest": len(self.ingest.waiting),
                "incoming_ring": len(self.incoming),
                "outgoing_ring": len(self.outgoing),
                "pacer": len(self.broadcast.pacer.queue),
                "tracks": self.broadcast.queued,
            },
            "audio": self.audio.stats(),
        }

    def close(self) -> None:
        """Free the shared memory."""
        self.audio.close()
        self.broadcast.close()
        self.incoming.close()
        self.outgoing.close()
