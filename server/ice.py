"""STUN and TURN servers, with expiring credentials if a secret is shared with the TURN server."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass

from server.settings import Settings


@dataclass(frozen=True, slots=True)
class IceServer:
    """An RTCIceServer of an RTCPeerConnection, here and in the browser."""

    url: str
    username: str | None = None
    credential: str | None = None


def ice_servers(settings: Settings, user: str, now: float | None = None) -> list[IceServer]:
    """The configured servers, TURN servers with credentials. `user`: part of the name in the TURN server's log."""
    username, credential = settings.ice_username, settings.ice_credential
    if settings.turn_secret is not None:
        now = time.time() if now is None else now
        username, credential = expiring_credentials(settings.turn_secret, user, settings.turn_ttl_s, now)
    return [
        IceServer(url) if url.startswith("stun") else IceServer(url, username, credential)
        for url in settings.ice_servers
    ]


def expiring_credentials(secret: str, user: str, ttl_s: int, now: float) -> tuple[str, str]:
    """User name and password, valid until `now + ttl_s` (draft-uberti-behave-turn-rest-00; coturn: use-auth-secret)."""
    username = f"{int(now) + ttl_s}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()
