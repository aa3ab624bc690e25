"""WHIP (RFC 9725): OBS, ffmpeg, GStreamer and others publish a video; it is edited, and watched over WHEP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from server.api.auth import RequireRole, allow_anyone
from server.api.dependencies import Registry, Session
from server.api.error_schemas import error_responses
from server.api.relative_urls import relative_url
from server.api.schemas import NAME_PATTERN
from server.api.sdp_bodies import (
    ACCEPTED,
    ANSWER,
    CANDIDATES,
    OFFER,
    TRICKLE_ERRORS,
    OfferText,
    add_trickled_candidates,
    sdp_response,
)
from server.control.access import Role
from server.control.session_handle import SessionHandle
from server.errors import SessionNotFound
from server.media.peer import Peer

router = APIRouter(prefix="/api/v1/whip", tags=["WHIP"])
editor = Depends(RequireRole(Role.EDITOR))


async def _publisher(session: Session) -> Peer:
    if session.peer is None:
        raise SessionNotFound(f"session {session.id!r} has lost its publisher: publish again")
    return session.peer


Name = Annotated[str, Query(pattern=NAME_PATTERN)]
Publisher = Annotated[Peer, Depends(_publisher)]


@router.post(
    "",
    status_code=201,
    dependencies=[editor],
    response_class=Response,
    responses=ANSWER | error_responses(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=OFFER,
)
async def publish(
    request: Request, offer: OfferText, sessions: Registry, prompt: str | None = None, session: Name | None = None
) -> Response:
    """A video comes in. `prompt` begins the edit; everything else is changed at `/api/v1/sessions/{id}/parameters`.

    `session` chooses the id, so that the address to watch at is known before; who publishes under it again goes on
    with the session that there is. The answer's `Link` of rel="alternate" is that WHEP address.
    """
    published, sdp = await sessions.publish(offer, {} if prompt is None else {"prompt": prompt}, session)
    peer = await _publisher(published)  # it may have disconnected while the model opened the session
    location = relative_url(request, f"/api/v1/whip/{published.id}")
    response = sdp_response(sdp, location, peer, sessions.settings)
    response.headers.append("Link", _watch_links(request, published, sessions.settings.base_path or ""))
    return response


@router.options("", status_code=204, dependencies=[Depends(allow_anyone)])
async def options() -> Response:
    return Response(status_code=204, headers=ACCEPTED)


@router.get("", status_code=204, dependencies=[editor], responses=error_responses(401, 403))
async def look() -> None:
    """Nothing to see: RFC 9725 keeps GET for later."""


@router.patch(
    "/{session_id}",
    status_code=204,
    dependencies=[editor],
    responses=TRICKLE_ERRORS,
    openapi_extra=CANDIDATES,
)
async def trickle(request: Request, publisher: Publisher) -> Response:
    """More ICE candidates of the publisher."""
    return await add_trickled_candidates(request, publisher)


@router.delete(
    "/{session_id}",
    status_code=200,
    dependencies=[editor],
    response_class=Response,
    responses=error_responses(401, 403, 404, 422),
)
async def end(session_id: str, sessions: Registry) -> Response:
    """The publisher stops: the session ends, or waits for its return while somebody watches.

    200, because OBS treats any other status as an error.
    """
    await sessions.unpublish(session_id)
    return Response()


def _watch_links(request: Request, published: SessionHandle, base_path: str) -> str:
    """Where it is watched: relative, as behind a proxy, and from the root, for clients that resolve nothing."""
    path, query = f"/api/v1/whep/{published.id}", f"?token={published.view_token}"
    addresses = relative_url(request, path), base_path + path
    return ", ".join(f'<{address}{query}>; rel="alternate"' for address in addresses)
