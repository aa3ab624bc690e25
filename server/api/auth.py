"""The dependency that authorizes requests. Every route declares the role that it requires."""

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from server.api.dependencies import Registry
from server.api.request_origin import is_cross_origin
from server.control.access import Permission, Role, find_permission
from server.control.registry import SessionRegistry
from server.errors import Forbidden, Unauthenticated

bearer = HTTPBearer(auto_error=False, description="LIPAR_TOKEN, LIPAR_EDITOR_TOKEN, LIPAR_VIEW_TOKEN or a session's")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


class RequireRole:
    """`Depends(RequireRole(role))`: the role is required for the session in the path, else for the server.

    A request with any token, even an unknown one, gets 404 for an unknown session: the token may have been
    this session's. That is how a page detects that its session has ended.
    """

    def __init__(
        self,
        role: Role,
        *,
        any_session: bool = False,
        always_require_token: bool = False,
        token_in_query: bool = False,
        token_in_body: bool = False,
    ) -> None:
        """any_session: the role in any session suffices.

        always_require_token: also for local programs, which otherwise need none. token_in_query, token_in_body: accept
        the token there, for clients that cannot set headers.
        """
        self.role, self.any_session, self.always_require_token = role, any_session, always_require_token
        self.token_in_query, self.token_in_body = token_in_query, token_in_body

    async def __call__(self, request: Request, sessions: Registry, bearer: Bearer) -> Permission:
        token = (bearer.credentials.strip() or None) if bearer else await self._fallback_token(request)
        name = self._session_name(request)
        if name is not None and token is not None:
            sessions.get(name)
        permission = authorize(request, sessions, token)
        if self.always_require_token and permission.method == "local":
            raise Unauthenticated("watching needs the session's view_token, or LIPAR_VIEW_TOKEN")
        role = permission.role_in(sessions.get(name)) if name is not None else self._server_role(permission)
        if role is None or role < self.role:
            raise Forbidden(f"this token does not grant the role {self.role.name.lower()!r} here")
        return permission

    def _session_name(self, request: Request) -> str | None:
        name = request.path_params.get("session_id")
        return name or (request.query_params.get("session") if self.any_session else None)

    def _server_role(self, permission: Permission) -> Role | None:
        return permission.role if permission.session is None or self.any_session else None

    async def _fallback_token(self, request: Request) -> str | None:
        if self.token_in_query:
            return request.query_params.get("token") or None
        return await read_body_token(request) if self.token_in_body else None


def allow_anyone() -> None:
    """Declares that a route requires no role."""


def authorize(request: Request, sessions: SessionRegistry, token: str | None) -> Permission:
    """The permission of a request. Raises `Unauthenticated` or `Forbidden`."""
    settings = sessions.settings
    if token is not None:
        if permission := find_permission(token, settings, sessions.handles.values()):
            return permission
        if not settings.no_auth:
            raise Unauthenticated("the token is unknown: it is wrong, or its session has ended")
    if settings.token_required:
        raise Unauthenticated("this server needs a token: send it as Authorization: Bearer TOKEN")
    if is_cross_origin(request.headers):
        raise Forbidden("a page of another origin needs a token here")
    return Permission(Role.ADMIN, "no_auth" if settings.no_auth else "local")


async def read_body_token(request: Request) -> str | None:
    """The `token` of a JSON body; None without one. The route reports errors in the body."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number that is too long
        return None
    token = body.get("token") if isinstance(body, dict) else None
    return token if isinstance(token, str) and token else None
