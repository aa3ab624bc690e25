"""A session's audio: delayed like its video, then sent to all sinks."""

import asyncio
import contextlib
import statistics
import time
from collections import deque
from collections.abc import Callable

from server.media.audio.delay_line import DelayLine
from server.media.audio.lip_sync import LipSync
from server.media.audio.opus import opus_packet
from server.media.counters import SessionCounters
from server.media.sink import AudioSink
from server.supervisor import Supervisor

FRAMES = 5  # video frames whose median latency is the audio delay: one late frame has no effect


class AudioBroadcast:
    """Receives Opus packets, delays them by the video's latency, and sends them to every sink.

    Packets are not decoded. A slow sink drops its own packets and does not block the others.
    """

    def __init__(
        self, muted: Callable[[], bool], on_error: Callable[[str], None], counters: SessionCounters | None = None
    ) -> None:
        """`muted`: whether audio is off now. Runs until `close`, on the running event loop.

        `on_error(reason)` is called after an internal error that ends it.
        """
        self.muted = muted
        self.counters = counters or SessionCounters()
        self.line = DelayLine(self.counters)
        self.sync = LipSync()
        self.sinks: list[AudioSink] = []
        self._latencies: deque[float] = deque(maxlen=FRAMES)
        self._wake = asyncio.Event()
        self._tasks = Supervisor(on_error)
        self._tasks.start(self._run(), "audio broadcast")

    def subscribe(self, sink: AudioSink) -> None:
        """Send to `sink` from the next packet on."""
        self.sinks.append(sink)

    def unsubscribe(self, sink: AudioSink) -> None:
        """Send nothing more to `sink`; idempotent."""
        if sink in self.sinks:
            self.sinks.remove(sink)

    def receive_packet(self, ssrc: int, timestamp: int, payload: bytes, now: float) -> None:
        """Queue an Opus packet with its RTP timestamp."""
        self.counters.audio_received += 1
        if self.muted():
            self.line.clear()
        else:
            self.line.put(ssrc, timestamp, payload, now)
            self._wake.set()

    def frame_sent(self, stamp: float, now: float) -> None:
        """A video frame received at `stamp` is sent now: audio of the same time is due now."""
        self._latencies.append(now - stamp)
        delay = statistics.median(self._latencies) + self.sync.skew
        self.line.delay = max(0.0, delay)  # audio cannot be sent before it is received
        self._wake.set()

    def video_arrived(self, timestamp: int, now: float) -> float | None:
        """A video frame with this RTP timestamp has been received; returns its capture time by the source's clock."""
        return self.sync.add_frame(timestamp, now)

    def video_reported(self, ntp_s: float, timestamp: int) -> None:
        """Sender report on video: capture time, by the source's clock, of this RTP timestamp."""
        self.sync.video.report(ntp_s, timestamp)

    def audio_reported(self, ntp_s: float, timestamp: int) -> None:
        """Sender report on audio: capture time, by the source's clock, of this RTP timestamp."""
        if (arrived := self.line.clock.arrival(timestamp)) is not None:
            self.sync.add_audio_report(ntp_s, timestamp, arrived)

    def reset(self) -> None:
        """The source has a new connection: forget the clocks and latencies of the old one."""
        self.line.reset()
        self.sync = LipSync()
        self._latencies.clear()

    def stats(self) -> dict[str, int | None]:
        """Packet counters since the session was created, and the current delay."""
        delay, counters = self.line.delay, self.counters
        return {
            "received_packets": counters.audio_received,
            "forwarded_packets": counters.audio_forwarded,
            "dropped_packets": counters.audio_too_late + counters.audio_not_taken,
            "delay_ms": None if delay is None or not counters.audio_received else round(delay * 1000),
        }

    def close(self) -> None:
        self._tasks.cancel()

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            if self.muted():
                self.line.clear()
            due = self.line.due(now)
            if due is not None and due <= now:
                self._forward(*self.line.pop())
                continue
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), None if due is None else due - now)

    def _forward(self, payload: bytes, timestamp: int) -> None:
        packet = opus_packet(payload, timestamp)
        self.counters.audio_forwarded += 1
        self.counters.audio_not_taken += sum(sink.send(packet) for sink in list(self.sinks))
