"""The incoming video of a connection: frames as they are decoded, and why there are none."""

import time
from collections.abc import Callable
from typing import NamedTuple

import av
from aiortc import MediaStreamTrack, RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError

from server.media.colour_space import ColourSpace
from server.media.decoder import DecoderQueue
from server.media.loss_repair import LossRepair
from server.media.unexpected_packets import UnexpectedPackets
from server.media.video_offer import VideoOffer
from server.supervisor import Supervisor

NO_VIDEO_S = 3.0  # after which it is said why there is none

OnFrame = Callable[[av.VideoFrame, float, float, ColourSpace | None], None]


class Counts(NamedTuple):
    """What has come since the connection began; they only grow."""

    packets: int  # of the stream that is decoded
    decoded: int  # frames
    undecodable: int  # frames
    ignored: int  # packets of other streams
    unexpected: int  # packets that nothing was agreed on for


class VideoReceiver:
    """Takes every frame at once: a queue that nobody empties grows without end. Times on the monotonic clock."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        offer: VideoOffer,
        on_frame: OnFrame,
        on_undecodable: Callable[[], None],
        on_end: Callable[[str], None],
    ) -> None:
        """Before the receiver's first packet. `on_frame` gets a frame, when its first packet came,
        the time now, and what RTP says of its colours.

        `on_undecodable` is told of every frame that cannot be decoded, `on_end` once why no more frames come.
        """
        self.on_frame, self.on_end = on_frame, on_end
        sets = {int(one.payload_type): one.parameter_sets for one in offer.formats}
        self.decoder = DecoderQueue(sets, on_undecodable)
        self.decoder.replace_in(receiver)
        self._tasks = Supervisor(on_end)
        self.repair = LossRepair(receiver, offer.streams, on_end)
        self.unexpected = UnexpectedPackets()
        self.started = False
        self._seen = self._counts()
        self._seen_at: float | None = None  # when a frame was decoded, or the connection stood

    def start(self, track: MediaStreamTrack) -> None:
        self.started = True
        self._tasks.start(self._receive(track), "receive video")

    def stop(self) -> None:
        self.repair.stop()
        self._tasks.cancel()

    def problem(self, now: float) -> str | None:
        """Why there has been no picture for a while; asked once a second as long as the connection stands."""
        counts = self._counts()
        if self._seen_at is None or counts.decoded > self._seen.decoded:
            self._seen, self._seen_at = counts, now
        if now - self._seen_at < NO_VIDEO_S:
            return None
        if failed := counts.undecodable - self._seen.undecodable:
            return f"{failed} frames have come that cannot be decoded ({self.decoder.error})"
        if counts.packets > self._seen.packets:
            return "video comes, but no frame of it is whole or begins with a keyframe"
        if counts.ignored > self._seen.ignored:
            return "video comes, but not in the stream that the offer names"
        if counts.unexpected > self._seen.unexpected:
            return f"connected, but no video comes: only packets that the answer does not name ({self.unexpected})"
        return "connected, but no video comes: the sender sends none"

    def _counts(self) -> Counts:
        decoder, repair = self.decoder, self.repair
        return Counts(
            repair.packets, decoder.decoded, decoder.undecodable, repair.selector.ignored, self.unexpected.packets
        )

    async def _receive(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                now = time.monotonic()
                arrived = self.repair.arrived(frame.pts)
                self.on_frame(frame, now if arrived is None else arrived, now, self.repair.colour_space)
        except MediaStreamError:
            fault = self.decoder.fault
            self.on_end("the camera's track has ended" if fault is None else f"the decoder has broken: {fault!r}")
