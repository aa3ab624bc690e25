"""WHEP (draft-ietf-wish-whep): any player watches a session's edited video."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from server.errors import NoCodec
from server.media.peer import Peer
from server.routes.dependencies import Registry, Session
from server.routes.sdp_bodies import ACCEPTED, SDP, OfferText, answered, check_bearer, trickled


async def _authorised(request: Request, session: Session, sessions: Registry, token: str | None = None) -> None:
    """`token`: for players that can only be given an address."""
    if request.method not in ("OPTIONS", "HEAD"):
        check_bearer(request, session.view_token, sessions.settings.view_token, also=token)


router = APIRouter(prefix="/api/v1/whep", tags=["WHEP"])
Authorised = Depends(_authorised)


async def _viewer(session: Session, viewer_id: str) -> Peer:
    return session.viewers.get(viewer_id)


Viewer = Annotated[Peer, Depends(_viewer)]


@router.post("/{session_id}", status_code=201, dependencies=[Authorised])
async def watch(offer: OfferText, session: Session, sessions: Registry) -> Response:
    """The edited video goes out. 409 while nothing is live, 406 where no codec is in common."""
    try:
        viewer, sdp = await session.watch(offer)
    except NoCodec as error:
        raise HTTPException(406, {"message": str(error)}) from error
    return answered(sdp, f"/api/v1/whep/{session.id}/{viewer.id}", viewer, sessions.settings)


@router.options("/{session_id}", status_code=204)
async def options(session_id: str) -> Response:
    return Response(status_code=204, headers=ACCEPTED)


@router.head("/{session_id}", status_code=200)
async def look(session: Session) -> Response:
    """What a player may ask first."""
    return Response(media_type=SDP)


@router.get("/{session_id}", status_code=204)
async def nothing(session: Session) -> None:
    """Nothing to see: the draft keeps GET for later."""


@router.patch("/{session_id}/{viewer_id}", status_code=204)
async def trickle(request: Request, viewer: Viewer) -> Response:
    """More ICE candidates of the player."""
    return await trickled(request, viewer)


@router.delete("/{session_id}/{viewer_id}", status_code=200)
async def leave(session: Session, viewer_id: str) -> Response:
    """The player stops watching; it may have closed its connection before."""
    await session.viewers.leave(viewer_id)
    return Response()
