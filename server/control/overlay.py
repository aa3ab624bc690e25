"""The picture of a session with its keep mask, on request."""

import asyncio

from server.control.session_handle import SessionHandle
from server.errors import NothingLive
from server.media.overlay_picture import overlay_png

BLOCK_TIMEOUT_S = 8.0  # for the next block


async def session_overlay(session: SessionHandle) -> bytes:
    """The newest frame of the next block with its keep mask over it, as a PNG. Raises `NothingLive`."""
    if not session.frames.has_output or session.phase.name != "connected":
        raise NothingLive("nothing is live in this session yet")
    masks = session.frames.keep_masks
    try:
        frame = await masks.next_frame(BLOCK_TIMEOUT_S)
    except TimeoutError:
        raise NothingLive(f"no block was edited within {BLOCK_TIMEOUT_S:g} s") from None
    return await asyncio.to_thread(overlay_png, frame, masks.rows, masks.cols)
