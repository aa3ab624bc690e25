"""Access control: roles, and the tokens that grant them."""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from server.control.session_handle import SessionHandle
from server.settings import Settings

AuthMethod = Literal["local", "no_auth", "server_token", "session_token", "metrics_token"]


class Role(IntEnum):
    """Each role includes the permissions of those before it."""

    VIEWER = 1  # watch
    EDITOR = 2  # create a session, change and end it
    ADMIN = 3  # all sessions


@dataclass(frozen=True, slots=True)
class Permission:
    """The role that a request's token grants, and where."""

    role: Role
    method: AuthMethod
    session: str | None = None  # the only session for which the role is granted; None: all

    def role_in(self, session: SessionHandle) -> Role | None:
        """The role for a session. `LIPAR_EDITOR_TOKEN` grants it only for sessions published by WHIP."""
        if self.session is not None:
            return self.role if session.id == self.session else None
        if self.role is Role.EDITOR and session.kind != "publish":
            return None
        return self.role


def find_permission(token: str, settings: Settings, sessions: Iterable[SessionHandle]) -> Permission | None:
    """The permission of a token; None for an unknown one. Constant time, against timing attacks."""
    permissions = [
        permission for known, permission in _known_tokens(settings, sessions) if equal_in_constant_time(token, known)
    ]
    return permissions[0] if permissions else None


def equal_in_constant_time(token: str, known: str) -> bool:
    return hmac.compare_digest(token.encode("utf-8", "backslashreplace"), known.encode())  # JSON may contain surrogates


def _known_tokens(settings: Settings, sessions: Iterable[SessionHandle]) -> Iterator[tuple[str, Permission]]:
    own = (settings.token, Role.ADMIN), (settings.editor_token, Role.EDITOR), (settings.view_token, Role.VIEWER)
    for token, role in own:
        if token is not None:
            yield token, Permission(role, "server_token")
    for session in sessions:
        yield session.token, Permission(Role.EDITOR, "session_token", session.id)
        yield session.view_token, Permission(Role.VIEWER, "session_token", session.id)
