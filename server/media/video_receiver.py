"""The incoming video of a connection: decoded frames, and diagnosis if there are none."""

import time
from collections.abc import Callable
from typing import NamedTuple

import av
from aiortc import MediaStreamTrack, RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError

from server.media.colour_space import ColourSpace
from server.media.counters import SessionCounters
from server.media.decoder import DecoderQueue
from server.media.loss_repair import LossRepair
from server.media.unexpected_packets import UnexpectedPackets
from server.media.video_offer import VideoOffer
from server.supervisor import Supervisor

NO_VIDEO_S = 3.0  # without a decoded frame; then a reason is reported

OnFrame = Callable[[av.VideoFrame, float, float, ColourSpace | None], None]


class ReceiveCounts(NamedTuple):
    """Monotonic counters since the connection was created."""

    packets: int  # of the decoded stream
    decoded: int  # frames
    undecodable: int  # frames
    ignored: int  # packets of other streams
    unexpected: int  # packets with a payload type that was not negotiated


class VideoReceiver:
    """Reads every frame at once, so that aiortc's queue stays empty. Times on the monotonic clock."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        offer: VideoOffer,
        on_frame: OnFrame,
        on_end: Callable[[str], None],
        counters: SessionCounters | None = None,
    ) -> None:
        """Create it before the receiver's first packet.

        `on_frame(frame, first_packet_time, now, colour_space)`: the colour space is that of the RTP header extension.
        `on_end(reason)` is called when no more frames follow.
        """
        self.on_frame = on_frame
        self.on_end = on_end
        sets = {int(video_format.payload_type): video_format.parameter_sets for video_format in offer.formats}
        self.counters = counters or SessionCounters()
        self.decoder = DecoderQueue(sets, self._count_undecodable)
        self.decoder.replace_in(receiver)
        self._tasks = Supervisor(on_end)
        self.repair = LossRepair(receiver, offer.streams, on_end, self.counters)
        self.unexpected = UnexpectedPackets()
        self.started = False
        self._seen = self._counts()
        self._seen_at: float | None = None  # when a frame was decoded, or the connection was established

    def start(self, track: MediaStreamTrack) -> None:
        self.started = True
        self._tasks.start(self._receive(track), "receive video")

    def stop(self) -> None:
        self.repair.stop()
        self._tasks.cancel()

    def problem(self, now: float) -> str | None:
        """Why no frame was decoded for `NO_VIDEO_S`, or None; called once per second while connected."""
        counts = self._counts()
        if self._seen_at is None or counts.decoded > self._seen.decoded:
            self._seen, self._seen_at = counts, now
        if now - self._seen_at < NO_VIDEO_S:
            return None
        if failed := counts.undecodable - self._seen.undecodable:
            return f"{failed} received frames cannot be decoded ({self.decoder.error})"
        if counts.packets > self._seen.packets:
            return "video is received, but no complete frame, or no keyframe"
        if counts.ignored > self._seen.ignored:
            return "video is received, but not in the stream that the offer signals"
        if counts.unexpected > self._seen.unexpected:
            reason = f"only packets with a payload type that was not negotiated ({self.unexpected})"
            return f"connected, but no video is received: {reason}"
        return "connected, but no video is received: the sender sends none"

    def _count_undecodable(self) -> None:
        self.counters.undecodable += 1

    def _counts(self) -> ReceiveCounts:
        decoder, repair = self.decoder, self.repair
        return ReceiveCounts(
            repair.packets, decoder.decoded, decoder.undecodable, repair.selector.ignored, self.unexpected.packets
        )

    async def _receive(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                now = time.monotonic()
                arrived = self.repair.pop_arrival_time(frame.pts)
                self.on_frame(frame, now if arrived is None else arrived, now, self.repair.colour_space)
        except MediaStreamError:
            fault = self.decoder.fault
            self.on_end("the camera's track has ended" if fault is None else f"the decoder failed: {fault!r}")
