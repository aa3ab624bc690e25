"""Addresses in answers. They are relative to the request's: a proxy may serve all this under a path that it removes."""

import posixpath

from fastapi import Request


def relative_url(request: Request, path: str) -> str:
    """A path from the server's root, as a reference from the request's own address (RFC 3986 section 4.2)."""
    has_slash = request.scope.get("raw_path", b"").endswith(b"/")  # `path` has lost it: middleware.py
    here: str = request.scope["path"]
    folder = here if has_slash else posixpath.dirname(here)
    return posixpath.relpath(path, folder)
