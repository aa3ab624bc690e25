"""Errors of requests, apart from invalid parameters. `api/error_handlers.py` maps them to status codes."""


class ServerError(Exception):
    """Base: the text is for the user."""


class SessionNotFound(ServerError):
    """404"""


class BadOffer(ServerError):
    """422: an SDP offer that cannot be used."""


class NoCodec(BadOffer):
    """The offer can be read, but nothing in it can be answered."""


class Unavailable(ServerError):
    """503: try again later; the text has the reason."""


class NoRoute(Unavailable):
    """The answer would have no network address."""


class NoCapacity(Unavailable):
    """All slots are taken."""


class NameTaken(ServerError):
    """409: an open session has this name, or this token."""


class NothingLive(ServerError):
    """409: there is nothing to watch yet."""


class Unauthenticated(ServerError):
    """401: the token is missing or wrong."""


class Forbidden(ServerError):
    """403: the token is known, but does not give the right to this."""
