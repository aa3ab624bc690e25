"""Live sessions: begin, look, change, end."""

from typing import Any

from fastapi import APIRouter, Response

from server.routes.dependencies import Registry, Session
from server.schemas import Answer, Changed, Offer, Status

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])


@router.post("", status_code=201)
async def create(offer: Offer, sessions: Registry, response: Response) -> Answer:
    """WebRTC offer in, answer out; the camera's track comes in and the edited one goes out on the same connection."""
    session, sdp = await sessions.create(offer.sdp, offer.parameters)
    response.headers["Location"] = f"/api/v1/sessions/{session.id}"
    return Answer(id=session.id, sdp=sdp, parameters=session.status()["parameters"])  # type: ignore[arg-type]


@router.get("")
async def index(sessions: Registry) -> list[Status]:
    """All sessions."""
    return [Status.model_validate(session.status()) for session in sessions.handles.values()]


@router.get("/{session_id}")
async def show(session: Session) -> Status:
    """One session's state and figures."""
    return Status.model_validate(session.status())


@router.patch("/{session_id}/parameters")
async def change(changes: dict[str, Any], session: Session) -> Changed:
    """Change any live parameters; `"reset": true` starts the stream afresh. Answers with the block of effect."""
    ack = await session.update(changes)
    return Changed(block=ack.block, parameters=ack.parameters, pending=ack.pending)


@router.delete("/{session_id}", status_code=204)
async def end(session: Session, sessions: Registry) -> None:
    """End the session and free its place."""
    await sessions.close(session.id)
