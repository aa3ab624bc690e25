"""The role of a token: pages request it first."""

from fastapi import APIRouter, Depends, Request

from server.api.auth import Bearer, allow_anyone, authorize
from server.api.dependencies import Registry
from server.api.schemas import AccessInfo
from server.control.access import Permission
from server.errors import Forbidden, Unauthenticated

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/access", dependencies=[Depends(allow_anyone)])
async def access(request: Request, sessions: Registry, bearer: Bearer) -> AccessInfo:
    """Always 200: a missing or unknown token has the role `none`."""
    try:
        permission: Permission | None = authorize(request, sessions, bearer.credentials if bearer else None)
    except (Unauthenticated, Forbidden):
        permission = None
    role = permission.role.name.lower() if permission else "none"
    session, required = permission.session if permission else None, sessions.settings.token_required
    return AccessInfo.model_validate({"role": role, "session": session, "token_required": required})
