"""What a connection receives and sends."""

from dataclasses import dataclass, field

from server.media.audio.broadcast import AudioBroadcast
from server.media.audio.track import AudioTrack
from server.media.capture_times import CaptureTimes
from server.media.counters import SessionCounters
from server.media.edited_track import EditedTrack
from server.media.keep_masks import KeepMasks
from server.media.region_masks import RegionMaskReceiver
from server.media.video_receiver import OnFrame

DIRECTIONS = {(True, True): "sendrecv", (True, False): "recvonly", (False, True): "sendonly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMedia:
    """Video in at least one direction; audio where the offer has it too."""

    on_frame: OnFrame | None = None  # called for each received frame; None: no video is received
    counters: SessionCounters = field(default_factory=SessionCounters)  # for what is received
    track: EditedTrack | None = None  # sent
    capture_times: CaptureTimes | None = None  # of the frames received and sent
    keep_masks: KeepMasks | None = None  # of the frames sent
    region_masks: RegionMaskReceiver | None = None  # of the frames received
    audio_in: AudioBroadcast | None = None  # gets the received audio
    audio_out: AudioTrack | None = None  # sent

    @property
    def video_direction(self) -> str:
        """As in SDP, of the server."""
        return DIRECTIONS[self.on_frame is not None, self.track is not None]

    @property
    def audio_direction(self) -> str:
        return DIRECTIONS[self.audio_in is not None, self.audio_out is not None]

    @property
    def outgoing(self) -> list[EditedTrack | AudioTrack]:
        return [track for track in (self.track, self.audio_out) if track is not None]
