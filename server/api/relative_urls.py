"""URLs in responses: relative to the request's, because a proxy may add a path prefix that it removes from requests."""

import posixpath

from fastapi import Request


def relative_url(request: Request, path: str) -> str:
    """An absolute path as a reference relative to the request's URL (RFC 3986, section 4.2)."""
    has_slash = request.scope.get("raw_path", b"").endswith(b"/")  # `path` is normalized (middleware.py)
    here: str = request.scope["path"]
    folder = here if has_slash else posixpath.dirname(here)
    return posixpath.relpath(path, folder)
