"""What the bearer of a token may do: pages ask this first."""

from fastapi import APIRouter, Depends, Request

from server.api.auth import Bearer, grant_of, needs_nothing
from server.api.dependencies import Registry
from server.api.schemas import AccessInfo
from server.control.access import Grant
from server.errors import Forbidden, Unauthenticated

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/access", dependencies=[Depends(needs_nothing)])
async def access(request: Request, sessions: Registry, bearer: Bearer) -> AccessInfo:
    """Always 200: a token that is missing or not known has the role `none`."""
    try:
        grant: Grant | None = grant_of(request, sessions, bearer.credentials if bearer else None)
    except (Unauthenticated, Forbidden):
        grant = None
    role = grant.role.name.lower() if grant else "none"
    session, required = grant.session if grant else None, sessions.settings.token_required
    return AccessInfo.model_validate({"role": role, "session": session, "token_required": required})
