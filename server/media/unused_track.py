"""Incoming tracks that are not used."""

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError


async def discard(track: MediaStreamTrack) -> None:
    """Read and drop frames until the track ends: its queue would grow without bound."""
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        return
