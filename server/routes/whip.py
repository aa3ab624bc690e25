"""WHIP (RFC 9725): OBS, ffmpeg, GStreamer and others publish a video; it is edited, and watched over WHEP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from server.errors import SessionNotFound
from server.media.peer import Peer
from server.routes.dependencies import Registry, Session
from server.routes.sdp_bodies import ACCEPTED, OfferText, answered, check_bearer, trickled
from server.schemas import NAME_PATTERN


async def _authorised(request: Request, sessions: Registry) -> None:
    if request.method != "OPTIONS" and sessions.settings.editor_token is not None:
        check_bearer(request, sessions.settings.editor_token)


router = APIRouter(prefix="/api/v1/whip", tags=["WHIP"], dependencies=[Depends(_authorised)])


async def _publisher(session: Session) -> Peer:
    if session.peer is None:
        raise SessionNotFound(f"session {session.id!r} has lost its publisher: publish anew")
    return session.peer


Name = Annotated[str, Query(pattern=NAME_PATTERN)]
Publisher = Annotated[Peer, Depends(_publisher)]


@router.post("", status_code=201)
async def publish(
    offer: OfferText, sessions: Registry, prompt: str | None = None, session: Name | None = None
) -> Response:
    """A video comes in. `prompt` begins the edit; everything else is changed at `/api/v1/sessions/{id}/parameters`.

    `session` chooses the id, so that the address to watch at is known before; who publishes under it again goes on
    with the session that there is. The answer's `Link` of rel="alternate" is that WHEP address.
    """
    published, sdp = await sessions.publish(offer, {} if prompt is None else {"prompt": prompt}, session)
    assert published.peer is not None
    response = answered(sdp, f"/api/v1/whip/{published.id}", published.peer, sessions.settings)
    response.headers.append("Link", f'</api/v1/whep/{published.id}?token={published.view_token}>; rel="alternate"')
    return response


@router.options("", status_code=204)
async def options() -> Response:
    return Response(status_code=204, headers=ACCEPTED)


@router.get("", status_code=204)
async def look() -> None:
    """Nothing to see: RFC 9725 keeps GET for later."""


@router.patch("/{session_id}", status_code=204)
async def trickle(request: Request, publisher: Publisher) -> Response:
    """More ICE candidates of the publisher."""
    return await trickled(request, publisher)


@router.delete("/{session_id}", status_code=200)
async def end(session_id: str, sessions: Registry) -> Response:
    """The publisher stops: the session ends, or waits for its return while somebody watches.

    200, because OBS takes anything else for a fault.
    """
    await sessions.unpublish(session_id)
    return Response()
