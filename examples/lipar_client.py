"""A client of the REST API, using only the standard library."""

import argparse
import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

POLL_S = 0.1


class LiparClient:
    """One session of a server. Raises `SystemExit` with the server's message if a request is rejected."""

    def __init__(self, url: str, session: str | None = None, token: str | None = None) -> None:
        """`session`: its id; None: the only one that is live."""
        self.url = url.rstrip("/")
        self.token = token
        self.session = session or self._only_session()

    def status(self) -> dict[str, Any]:
        """State, parameters and statistics of the session."""
        return self._request("GET", f"sessions/{self.session}")

    def change(self, **changes: object) -> dict[str, Any]:
        """Change parameters; returns the acknowledgement: block, parameters, pending."""
        return self._request("PATCH", f"sessions/{self.session}/parameters", changes)

    def wait_for_block(self, block: int, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait until the session has edited this block; returns its status then."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            status = self.status()
            newest = status["stats"]["block"]
            if newest is not None and newest >= block:
                return status
            time.sleep(POLL_S)
        raise SystemExit(f"block {block} was not edited within {timeout_s:.0f} s (the session is {status['state']})")

    def _only_session(self) -> str:
        sessions = self._request("GET", "sessions")
        if len(sessions) != 1:
            names = ", ".join(session["id"] for session in sessions) or "none; open the page and press Start"
            raise SystemExit(f"choose a session with --session; there are: {names}")
        return str(sessions[0]["id"])

    def _request(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")
            raise SystemExit(f"{method} {path}: {error.code} {detail}") from error
        except urllib.error.URLError as error:
            raise SystemExit(f"{self.url} does not respond: {error.reason}") from error


def client_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every example has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--session", help="its id (default: the only live session)")
    return parser


def client_of(args: argparse.Namespace) -> LiparClient:
    return LiparClient(args.url, args.session, os.environ.get("LIPAR_TOKEN"))
