"""The tokens of a session."""

import hashlib
import secrets

TOKEN_PATTERN = "^[A-Za-z0-9_-]{22,100}$"  # matches `new_token`, and tokens with nearly as much entropy


def new_token() -> str:
    return secrets.token_urlsafe(16)


def view_token_of(token: str) -> str:
    """Derived from the editor's token by a one-way hash, so that a recreated session keeps its watch link.

    The editor's token cannot be computed from the link, so that viewers cannot recreate the session.
    """
    return hashlib.blake2b(token.encode(), digest_size=16, person=b"lipar-view").hexdigest()
