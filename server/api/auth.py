"""The one dependency that asks a request for its right. Every route declares what it needs."""

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from server.api.dependencies import Registry
from server.api.request_origin import is_cross_origin
from server.control.access import Grant, Role, find_grant
from server.control.registry import Sessions
from server.errors import Forbidden, Unauthenticated

bearer = HTTPBearer(auto_error=False, description="LIPAR_TOKEN, LIPAR_EDITOR_TOKEN, LIPAR_VIEW_TOKEN or a session's")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


class Needs:
    """`Depends(Needs(role))`: the role in the session that the path names, else in the server.

    A session that is not known is told to whoever shows a token, even one that is not known either: it may have been
    this session's. That is how a page learns that its session has ended.
    """

    def __init__(
        self,
        role: Role,
        *,
        any_session: bool = False,
        token_always: bool = False,
        in_address: bool = False,
        in_body: bool = False,
    ) -> None:
        """`any_session`: the role in any one session will do. `token_always`: also where programs of this machine are
        free. `in_address`, `in_body`: where the token may stand, for those that cannot set headers.
        """
        self.role, self.any_session, self.token_always = role, any_session, token_always
        self.in_address, self.in_body = in_address, in_body

    async def __call__(self, request: Request, sessions: Registry, bearer: Bearer) -> Grant:
        token = (bearer.credentials.strip() or None) if bearer else await self._other_token(request)
        name = self._session_name(request)
        if name is not None and token is not None:
            sessions.get(name)
        grant = grant_of(request, sessions, token)
        if self.token_always and grant.proof == "local":
            raise Unauthenticated("watching needs the session's view_token, or LIPAR_VIEW_TOKEN")
        role = grant.role_in(sessions.get(name)) if name is not None else self._server_role(grant)
        if role is None or role < self.role:
            raise Forbidden(f"this token does not give the role {self.role.name.lower()!r} here")
        return grant

    def _session_name(self, request: Request) -> str | None:
        name = request.path_params.get("session_id")
        return name or (request.query_params.get("session") if self.any_session else None)

    def _server_role(self, grant: Grant) -> Role | None:
        return grant.role if grant.session is None or self.any_session else None

    async def _other_token(self, request: Request) -> str | None:
        if self.in_address:
            return request.query_params.get("token") or None
        return await token_in_body(request) if self.in_body else None


def needs_nothing() -> None:
    """Declares that a route is open to all."""


def grant_of(request: Request, sessions: Sessions, token: str | None) -> Grant:
    """What a request may do. Raises `Unauthenticated` or `Forbidden`."""
    settings = sessions.settings
    if token is not None:
        if grant := find_grant(token, settings, sessions.handles.values()):
            return grant
        if not settings.no_auth:
            raise Unauthenticated("the token is not known here: it is wrong, or its session has ended")
    if settings.token_required:
        raise Unauthenticated("this server needs a token: send it as Authorization: Bearer TOKEN")
    if is_cross_origin(request.headers):
        raise Forbidden("a page of another origin needs a token here")
    return Grant(Role.ADMIN, "no_auth" if settings.no_auth else "local")


async def token_in_body(request: Request) -> str | None:
    """The `token` of a JSON body; None where there is none. What is wrong with a body is said when it is read."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):  # of a text that is no JSON, bytes that are no text, a number without end
        return None
    token = body.get("token") if isinstance(body, dict) else None
    return token if isinstance(token, str) and token else None
