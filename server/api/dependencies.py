"""What handlers are given. All on the event loop: a plain function would run on a thread, beside what changes there."""

from typing import Annotated

from fastapi import Depends, Request

from server.control.registry import Sessions
from server.control.session_handle import SessionHandle


async def get_sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


Registry = Annotated[Sessions, Depends(get_sessions)]


async def get_session(session_id: str, sessions: Registry) -> SessionHandle:
    """Raises `SessionNotFound`."""
    return sessions.get(session_id)


Session = Annotated[SessionHandle, Depends(get_session)]
