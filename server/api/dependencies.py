"""Dependencies of the routes. All are coroutines: FastAPI runs plain functions in another thread."""

from typing import Annotated

from fastapi import Depends, Request

from server.control.registry import SessionRegistry
from server.control.session_handle import SessionHandle


async def get_sessions(request: Request) -> SessionRegistry:
    sessions: SessionRegistry = request.app.state.sessions
    return sessions


Registry = Annotated[SessionRegistry, Depends(get_sessions)]


async def get_session(session_id: str, sessions: Registry) -> SessionHandle:
    """The session in the path; raises `SessionNotFound`."""
    return sessions.get(session_id)


Session = Annotated[SessionHandle, Depends(get_session)]
