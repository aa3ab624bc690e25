"""WHEP (draft-ietf-wish-whep): any player can watch a session's edited video."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from server.api.auth import RequireRole, allow_anyone
from server.api.dependencies import Registry, Session
from server.api.error_schemas import error_responses
from server.api.relative_urls import relative_url
from server.api.sdp_bodies import (
    ACCEPTED,
    ANSWER,
    CANDIDATES,
    OFFER,
    SDP,
    TRICKLE_ERRORS,
    OfferText,
    add_trickled_candidates,
    sdp_response,
)
from server.control.access import Role
from server.errors import NoCodec
from server.media.peer import Peer

router = APIRouter(prefix="/api/v1/whep", tags=["WHEP"])
viewer = Depends(RequireRole(Role.VIEWER, always_require_token=True, token_in_query=True))
QueryToken = Annotated[str | None, Query(alias="token", description="for players that accept only a URL")]


async def _viewer(session: Session, viewer_id: str) -> Peer:
    return session.viewers.get(viewer_id)


Viewer = Annotated[Peer, Depends(_viewer)]


@router.post(
    "/{session_id}",
    status_code=201,
    dependencies=[viewer],
    response_class=Response,
    responses=ANSWER | error_responses(400, 401, 403, 404, 406, 409, 413, 415, 422, 503),
    openapi_extra=OFFER,
)
async def watch(
    request: Request, offer: OfferText, session: Session, sessions: Registry, token: QueryToken = None
) -> Response:
    """Watch the edited video. 409 while nothing is live, 406 without a common codec.

    A token in the request's URL is also in the URL of the new resource.
    """
    try:
        peer, sdp = await session.watch(offer)
    except NoCodec as error:
        raise HTTPException(406, {"message": str(error)}) from error
    location = relative_url(request, f"/api/v1/whep/{session.id}/{peer.id}")
    return sdp_response(sdp, location + (f"?{urlencode({'token': token})}" if token else ""), peer, sessions.settings)


@router.options("/{session_id}", status_code=204, dependencies=[Depends(allow_anyone)], responses=error_responses(422))
async def options(session_id: str) -> Response:
    return Response(status_code=204, headers=ACCEPTED)


@router.head(
    "/{session_id}",
    status_code=200,
    dependencies=[viewer],
    response_class=Response,
    responses=error_responses(401, 403, 404, 422),
)
async def probe(session: Session) -> Response:
    """Whether a POST may succeed: some players check first."""
    return Response(media_type=SDP)


@router.get("/{session_id}", status_code=204, dependencies=[viewer], responses=error_responses(401, 403, 404, 422))
async def reserved(session: Session) -> None:
    """No content: the draft reserves GET."""


@router.patch(
    "/{session_id}/{viewer_id}",
    status_code=204,
    dependencies=[viewer],
    responses=TRICKLE_ERRORS,
    openapi_extra=CANDIDATES,
)
async def trickle(request: Request, peer: Viewer) -> Response:
    """More ICE candidates of the player."""
    return await add_trickled_candidates(request, peer)


@router.delete(
    "/{session_id}/{viewer_id}",
    status_code=200,
    dependencies=[viewer],
    response_class=Response,
    responses=error_responses(401, 403, 404, 422),
)
async def leave(session: Session, viewer_id: str) -> Response:
    """The player stops watching; it may have closed its connection before."""
    await session.viewers.leave(viewer_id)
    return Response()
