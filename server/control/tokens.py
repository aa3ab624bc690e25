"""The tokens of a session."""

import hashlib
import secrets

TOKEN_PATTERN = "^[A-Za-z0-9_-]{22,100}$"  # what `new_token` draws, and not much less random


def new_token() -> str:
    return secrets.token_urlsafe(16)


def view_token_of(token: str) -> str:
    """Follows from the editor's token, not the other way: who begins a session again by both keeps its watch link.

    Nobody else can take the link over: whoever has it alone cannot find a token that it follows from.
    """
    return hashlib.blake2b(token.encode(), digest_size=16, person=b"lipar-view").hexdigest()
