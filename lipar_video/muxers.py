"""Output containers and what they accept, tested by muxing into memory."""

import io
from dataclasses import dataclass
from pathlib import Path

import av
from av.stream import Stream

from lipar_core.errors import LiparError
from lipar_video.packets import OrderedMuxer, copy_packet


@dataclass(frozen=True, slots=True)
class Muxer:
    """A container's FFmpeg name, and the encoders for streams that cannot be copied into it."""

    name: str
    video: str
    audio: str
    subtitles: str
    accepts_pcm: bool = False  # others formally accept PCM, but few players support it


MUXERS = {
    ".mp4": Muxer("mp4", "libx264", "aac", "mov_text"),
    ".mkv": Muxer("matroska", "libx264", "aac", "subrip", accepts_pcm=True),
    ".mov": Muxer("mov", "libx264", "aac", "mov_text"),
    ".webm": Muxer("webm", "libvpx-vp9", "libopus", "webvtt"),
}


def muxer_for(path: Path) -> Muxer:
    """The muxer for a file name's suffix; raises `LiparError`."""
    if path.suffix.lower() not in MUXERS:
        raise LiparError(f"output {path}: its name must end in {', '.join(MUXERS)}")
    return MUXERS[path.suffix.lower()]


def accepts_copy(muxer: Muxer, stream: Stream, packets: "list[av.Packet[Stream]]") -> bool:
    """Whether the stream's packets can be copied into the container; some muxers fail only on writing."""
    if not packets or not any(packet.size for packet in packets):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=muxer.name) as container:
            ordered = OrderedMuxer(container, container.add_stream_from_template(stream))
            for packet in packets:
                ordered.mux(copy_packet(packet))
    except (av.FFmpegError, ValueError, OSError):
        return False
    return True
