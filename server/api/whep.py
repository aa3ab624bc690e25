"""WHEP (draft-ietf-wish-whep): any player watches a session's edited video."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from server.api.auth import Needs, needs_nothing
from server.api.dependencies import Registry, Session
from server.api.error_schemas import refusals
from server.api.relative_urls import relative_address
from server.api.sdp_bodies import (
    ACCEPTED,
    ANSWER,
    CANDIDATES,
    OFFER,
    SDP,
    TRICKLE_REFUSALS,
    OfferText,
    answered,
    trickled,
)
from server.control.access import Role
from server.errors import NoCodec
from server.media.peer import Peer

router = APIRouter(prefix="/api/v1/whep", tags=["WHEP"])
viewer = Depends(Needs(Role.VIEWER, token_always=True, in_address=True))
AddressToken = Annotated[str | None, Query(alias="token", description="for players that take only an address")]


async def _viewer(session: Session, viewer_id: str) -> Peer:
    return session.viewers.get(viewer_id)


Viewer = Annotated[Peer, Depends(_viewer)]


@router.post(
    "/{session_id}",
    status_code=201,
    dependencies=[viewer],
    response_class=Response,
    responses=ANSWER | refusals(400, 401, 403, 404, 406, 409, 413, 415, 422, 503),
    openapi_extra=OFFER,
)
async def watch(
    request: Request, offer: OfferText, session: Session, sessions: Registry, token: AddressToken = None
) -> Response:
    """The edited video goes out. 409 while nothing is live, 406 where no codec is in common.

    Where the token stood in the address it stands in that of the new resource, too.
    """
    try:
        peer, sdp = await session.watch(offer)
    except NoCodec as error:
        raise HTTPException(406, {"message": str(error)}) from error
    location = relative_address(request, f"/api/v1/whep/{session.id}/{peer.id}")
    return answered(sdp, location + (f"?{urlencode({'token': token})}" if token else ""), peer, sessions.settings)


@router.options("/{session_id}", status_code=204, dependencies=[Depends(needs_nothing)], responses=refusals(422))
async def options(session_id: str) -> Response:
    return Response(status_code=204, headers=ACCEPTED)


@router.head(
    "/{session_id}",
    status_code=200,
    dependencies=[viewer],
    response_class=Response,
    responses=refusals(401, 403, 404, 422),
)
async def look(session: Session) -> Response:
    """What a player may ask first."""
    return Response(media_type=SDP)


@router.get("/{session_id}", status_code=204, dependencies=[viewer], responses=refusals(401, 403, 404, 422))
async def nothing(session: Session) -> None:
    """Nothing to see: the draft keeps GET for later."""


@router.patch(
    "/{session_id}/{viewer_id}",
    status_code=204,
    dependencies=[viewer],
    responses=TRICKLE_REFUSALS,
    openapi_extra=CANDIDATES,
)
async def trickle(request: Request, peer: Viewer) -> Response:
    """More ICE candidates of the player."""
    return await trickled(request, peer)


@router.delete(
    "/{session_id}/{viewer_id}",
    status_code=200,
    dependencies=[viewer],
    response_class=Response,
    responses=refusals(401, 403, 404, 422),
)
async def leave(session: Session, viewer_id: str) -> Response:
    """The player stops watching; it may have closed its connection before."""
    await session.viewers.leave(viewer_id)
    return Response()
