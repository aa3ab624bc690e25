"""What handlers are given."""

from typing import Annotated

from fastapi import Depends, Request

from server.session import SessionHandle
from server.sessions import Sessions


def get_sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


Registry = Annotated[Sessions, Depends(get_sessions)]


def get_session(session_id: str, sessions: Registry) -> SessionHandle:
    """Raises `SessionNotFound`."""
    return sessions.get(session_id)


Session = Annotated[SessionHandle, Depends(get_session)]
