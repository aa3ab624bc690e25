"""WHIP (RFC 9725): OBS, ffmpeg, GStreamer and others publish a video; the edited one is watched over WHEP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from server.api.auth import RequireRole, allow_anyone
from server.api.dependencies import Registry, Session
from server.api.error_schemas import error_responses
from server.api.relative_urls import relative_url
from server.api.schemas import MAX_SIZE, NAME_PATTERN, SIZE_HELP
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
Size = Annotated[str, Query(max_length=MAX_SIZE, description=SIZE_HELP)]
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
    request: Request,
    offer: OfferText,
    sessions: Registry,
    prompt: str | None = None,
    session: Name | None = None,
    size: Size | None = None,
) -> Response:
    """Publish a video. `prompt` is the initial prompt; parameters are changed at `/api/v1/sessions/{id}/parameters`.

    `session` sets the id, so that the WHEP URL is known in advance. A publisher that uses the id of a session published
    before continues it. The answer's `Link` of rel="alternate" is the WHEP URL.
    """
    published, sdp = await sessions.publish(offer, {} if prompt is None else {"prompt": prompt}, session, size)
    peer = await _publisher(published)  # it may have disconnected while the model opened the session
    location = relative_url(request, f"/api/v1/whip/{published.id}")
    response = sdp_response(sdp, location, peer, sessions.settings)
    response.headers.append("Link", _watch_links(request, published, sessions.settings.base_path or ""))
    return response


@router.options("", status_code=204, dependencies=[Depends(allow_anyone)])
async def options() -> Response:
    return Response(status_code=204, headers=ACCEPTED)


@router.get("", status_code=204, dependencies=[editor], responses=error_responses(401, 403))
async def reserved() -> None:
    """No content: RFC 9725 reserves GET."""


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
    """Stop publishing: the session ends, or is parked for the grace period if it has viewers.

    200, because OBS treats any other status as an error.
    """
    await sessions.unpublish(session_id)
    return Response()


def _watch_links(request: Request, published: SessionHandle, base_path: str) -> str:
    """The WHEP URL as a `Link`: relative, for proxies, and from the root, for clients that do not resolve it."""
    path = f"/api/v1/whep/{published.id}"
    query = f"?token={published.view_token}"
    urls = relative_url(request, path), base_path + path
    return ", ".join(f'<{url}{query}>; rel="alternate"' for url in urls)
