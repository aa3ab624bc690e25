"""The sink protocols: what receivers of a session's video and audio, and the streams, know of each other."""

from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import av

Packet: TypeAlias = "av.Packet[Any]"
Item: TypeAlias = "av.VideoFrame | Packet"


class PacketDemand(NamedTuple):
    """A sink takes packets of the shared stream; its bitrates in bit/s."""

    target: int
    maximum: int  # `target` never exceeds it


Demand = PacketDemand | Literal["frames"] | None


class VideoSink(Protocol):
    """A receiver of the edited video: a connection's track, a recorder, another output.

    It has its own queue and never blocks. If the queue is full it drops items, and continues with a keyframe.
    """

    primary: bool  # the editor's: the shared stream has its bitrate

    @property
    def queued(self) -> int:
        """Number of items in its queue."""

    def wants(self, bitrate: float) -> Demand:
        """What the sink takes now: packets of the shared stream of `bitrate` bit/s, unencoded frames, or nothing.

        Called before every frame, so that a sink can stop sharing a stream that it has no bandwidth for.
        """

    def send(self, item: Item) -> int:
        """Queue the next packet or frame; returns how many items were dropped because the queue was full.

        A packet is shared: a sink that changes one, as a muxer does, copies it first. Times are in `pts` and
        `time_base`, from the start of the stream.
        """


class VideoStream(Protocol):
    """The interface of a stream that a sink subscribes to."""

    @property
    def fps(self) -> float: ...

    @property
    def bitrate(self) -> float:
        """Bitrate of the shared stream, bit/s."""

    def subscribe(self, sink: VideoSink) -> None: ...

    def unsubscribe(self, sink: VideoSink) -> None: ...

    def request_keyframe(self) -> None:
        """Make one of the next packets of the shared stream a keyframe."""


class AudioSink(Protocol):
    """A receiver of a session's audio. Like a `VideoSink` it has its own queue and never blocks."""

    def send(self, packet: Packet) -> int:
        """Queue an Opus packet, which is shared; returns how many were dropped because the queue was full."""


class AudioStream(Protocol):
    """What a sink uses of the audio that it subscribes to."""

    def subscribe(self, sink: AudioSink) -> None: ...

    def unsubscribe(self, sink: AudioSink) -> None: ...
