"""Live sessions: create, resume, park, list, show, change, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.parameter_changes import to_dict
from lipar_core.session_timeline import SessionTimeline
from lipar_core.sizes import size_name
from server.api.auth import RequireRole
from server.api.dependencies import Registry, Session
from server.api.error_schemas import error_responses
from server.api.relative_urls import relative_url
from server.api.schemas import Answer, Offer, ParkRequest, ResumeOffer, SessionStatus
from server.api.sdp_bodies import CANDIDATES, TRICKLE_ERRORS, add_trickled_candidates
from server.api.struct_bodies import struct_body
from server.control.access import Role
from server.control.overlay import session_overlay
from server.control.session_handle import SessionHandle
from server.errors import SessionNotFound

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])
viewer, editor, admin = (Depends(RequireRole(role)) for role in Role)
AcknowledgementBody = Annotated[Acknowledgement, *struct_body(Acknowledgement)]
TimelineBody = Annotated[SessionTimeline, *struct_body(SessionTimeline)]
OVERLAY_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "the picture"}}
editor_by_body = Depends(RequireRole(Role.EDITOR, token_in_body=True))


@router.post("", status_code=201, dependencies=[editor], responses=error_responses(400, 401, 403, 409, 413, 422, 503))
async def create(request: Request, offer: Offer, sessions: Registry, response: Response) -> Answer:
    """WebRTC offer in, answer out; the edited video is sent back on the camera's connection."""
    session, sdp = await sessions.create(
        offer.sdp, offer.parameters, name=offer.name, token=offer.token, size=offer.size
    )
    response.headers["Location"] = relative_url(request, f"/api/v1/sessions/{session.id}")
    return _answer(session, sdp, response)


@router.post(
    "/{session_id}/resume", dependencies=[editor_by_body], responses=error_responses(400, 401, 403, 404, 413, 422, 503)
)
async def resume(session_id: str, offer: ResumeOffer, sessions: Registry, response: Response) -> Answer:
    """Continue a session over a new connection, with its parameters and the model's stream state."""
    return _answer(*await sessions.resume(session_id, offer.sdp), response)


@router.post(
    "/{session_id}/park",
    status_code=204,
    dependencies=[editor_by_body],
    responses=error_responses(400, 401, 403, 404, 413, 422),
)
async def park(session: Session, _: ParkRequest | None = None) -> None:
    """Close the connection now and keep the session for the grace period: sent by a page that is closed or hidden."""
    await session.park()


@router.get("", dependencies=[admin], responses=error_responses(401, 403))
async def index(sessions: Registry) -> list[SessionStatus]:
    """All sessions."""
    return [SessionStatus.model_validate(session.status()) for session in sessions.handles.values()]


@router.get("/{session_id}", dependencies=[viewer], responses=error_responses(401, 403, 404, 422))
async def show(session: Session) -> SessionStatus:
    """One session's state and statistics."""
    return SessionStatus.model_validate(session.status())


@router.patch(
    "/{session_id}",
    status_code=204,
    dependencies=[editor],
    responses=TRICKLE_ERRORS,
    openapi_extra=CANDIDATES,
)
async def trickle(request: Request, session: Session) -> Response:
    """More ICE candidates of the browser, as `application/trickle-ice-sdpfrag` with the answer's ETag in If-Match."""
    if session.peer is None:
        raise SessionNotFound(f"session {session.id!r} has no connection now")
    return await add_trickled_candidates(request, session.peer)


@router.patch(
    "/{session_id}/parameters", dependencies=[editor], responses=error_responses(400, 401, 403, 404, 413, 422, 503)
)
async def change(changes: dict[str, Any], session: Session) -> AcknowledgementBody:
    """Change any live parameters; `"reset": true` resets the stream. Returns the block from which they apply."""
    return await session.update(changes)


@router.get("/{session_id}/timeline", dependencies=[editor], responses=error_responses(401, 403, 404, 422))
async def timeline(session: Session) -> TimelineBody:
    """What the session began with, and every change with the block where it applied: for `lipar replay`."""
    return session.timeline()


@router.get(
    "/{session_id}/overlay.png",
    dependencies=[viewer],
    response_class=Response,
    responses=OVERLAY_PNG | error_responses(401, 403, 404, 409, 422),
)
async def overlay(session: Session) -> Response:
    """The newest edited frame, computed tokens tinted orange and reused ones blue; 409 while nothing is live."""
    return Response(await session_overlay(session), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.delete("/{session_id}", status_code=204, dependencies=[editor], responses=error_responses(401, 403, 404, 422))
async def end(session_id: str, sessions: Registry) -> None:
    """End the session and free its slot."""
    await sessions.close(sessions.get(session_id).id)  # of two concurrent requests the second gets 404


def _answer(session: SessionHandle, sdp: str, response: Response) -> Answer:
    if session.peer is not None:
        response.headers["ETag"] = session.peer.etag
    return Answer(
        id=session.id,
        token=session.token,
        view_token=session.view_token,
        sdp=sdp,
        parameters=to_dict(session.parameters),
        size=size_name(session.frames.stream),
    )
