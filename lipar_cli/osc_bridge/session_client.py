"""The server's REST API as the bridge uses it."""

from types import TracebackType
from typing import Any

import httpx2

from lipar_core.errors import LiparError, ParameterError

TIMEOUT_S = 60.0  # a new prompt waits for its text encoder


class SessionClient:
    """Changes one session: the named one, or the only live one, which may be another after a restart."""

    def __init__(self, url: str, token: str | None, session: str | None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            self._http = httpx2.Client(base_url=f"{url.rstrip('/')}/api/v1/", headers=headers, timeout=TIMEOUT_S)
        except httpx2.InvalidURL as error:
            raise LiparError(f"--url = {url!r}: {error}") from error
        self.url = url
        self._session = session

    def __enter__(self) -> "SessionClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the live parameters. Raises `LiparError`."""
        schema: dict[str, Any] = self._request("GET", "schema")
        return schema

    def change(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Returns the acknowledgement. Raises `ParameterError` for a rejected value, else `LiparError`."""
        acknowledgement: dict[str, Any] = self._request("PATCH", f"sessions/{self._live()}/parameters", changes)
        return acknowledgement

    def _live(self) -> str:
        if self._session is not None:
            return self._session
        sessions = self._request("GET", "sessions")
        if len(sessions) != 1:
            names = ", ".join(str(session["id"]) for session in sessions) or "none: press Start on the page"
            raise LiparError(f"choose a session with --session; there are {names}")
        return str(sessions[0]["id"])

    def _request(self, method: str, path: str, body: object = None) -> Any:
        try:
            reply = self._http.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise LiparError(f"{self.url} does not respond: {error or type(error).__name__}") from error
        if reply.is_success:
            return reply.json()
        try:
            detail = reply.json()["detail"]
        except (ValueError, KeyError, TypeError):
            raise LiparError(f"{method} {path}: {reply.status_code}, and no server of this kind") from None
        if "path" in detail:
            raise ParameterError(detail["path"], detail.get("value"), detail.get("allowed", detail["message"]))
        raise LiparError(str(detail["message"]))
