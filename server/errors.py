"""Errors of requests, except invalid parameters. `api/error_handlers.py` maps them to status codes."""


class ServerError(Exception):
    """Base: the text is for the user."""


class SessionNotFound(ServerError):
    """404"""


class BadOffer(ServerError):
    """422: an SDP offer that cannot be used."""


class NoCodec(BadOffer):
    """The offer is valid, but has no supported codec."""


class Unavailable(ServerError):
    """503: try again later; the text has the reason."""


class NoRoute(Unavailable):
    """There is no ICE candidate for the answer."""


class NoCapacity(Unavailable):
    """All slots are taken."""


class NameTaken(ServerError):
    """409: an open session has this name, or this token."""


class NothingLive(ServerError):
    """409: there is nothing to watch yet."""


class Unauthenticated(ServerError):
    """401: the token is missing or wrong."""


class Forbidden(ServerError):
    """403: the token lacks the permission."""
