"""What can go wrong with a request, beside its parameters. `app.py` turns these into status codes."""


class ServerError(Exception):
    """Base: the text is for the user."""


class SessionNotFound(ServerError):
    """404"""


class BadOffer(ServerError):
    """422: an SDP offer that cannot be used."""


class Unavailable(ServerError):
    """503: try again later; the text says why."""


class NoRoute(Unavailable):
    """The answer would have no network address."""


class NoCapacity(Unavailable):
    """All slots are taken."""
