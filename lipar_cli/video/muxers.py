"""Containers that can be written, and what each takes: the muxer itself is asked, by writing to memory."""

import io
from dataclasses import dataclass
from pathlib import Path

import av
from av.stream import Stream

from lipar_cli.video.packets import InOrder, copy_of
from lipar_core.errors import LiparError


@dataclass(frozen=True, slots=True)
class Muxer:
    """A container by FFmpeg's name, and the encoders for what is not copied into it."""

    name: str
    video: str
    audio: str
    subtitles: str
    takes_raw_audio: bool = False  # others take PCM by their rules, but few players do


MUXERS = {
    ".mp4": Muxer("mp4", "libx264", "aac", "mov_text"),
    ".mkv": Muxer("matroska", "libx264", "aac", "subrip", takes_raw_audio=True),
    ".mov": Muxer("mov", "libx264", "aac", "mov_text"),
    ".webm": Muxer("webm", "libvpx-vp9", "libopus", "webvtt"),
}


def muxer_for(path: Path) -> Muxer:
    """By the name's end; raises `LiparError`."""
    if path.suffix.lower() not in MUXERS:
        raise LiparError(f"output {path}: its name must end in {', '.join(MUXERS)}")
    return MUXERS[path.suffix.lower()]


def takes_copy(muxer: Muxer, stream: Stream, packets: "list[av.Packet[Stream]]") -> bool:
    """Whether the stream's packets can go into the container as they are: some muxers refuse only when they write."""
    if not packets or not any(packet.size for packet in packets):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=muxer.name) as container:
            ordered = InOrder(container, container.add_stream_from_template(stream))
            for packet in packets:
                ordered.mux(copy_of(packet))
    except (av.FFmpegError, ValueError, OSError):
        return False
    return True
