"""Runs the server until SIGINT or SIGTERM."""

import errno
import logging
import signal
import socket
import sys

import uvicorn

from lipar_core.errors import ConfigError
from server.api.app import create_app
from server.listen import bind_tcp
from server.settings import Settings
from server.workers.entry import Entry, main

log = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 3  # for open requests on shutdown
# Of an idle connection: longer than browsers (Chromium: 5 minutes) and Caddy (2) keep it. Where the server closes it
# first, a request that is sent just then fails, and a POST is not repeated.
KEEP_ALIVE_S = 330


def serve(settings: Settings, model: Entry = main) -> None:
    """Serve until SIGINT or SIGTERM; raises `ConfigError` if the address cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s web   %(levelname)s %(message)s")
    logging.getLogger("aioice").setLevel(logging.WARNING)  # it logs every candidate pair
    sock = _bind(settings)
    scheme = "https" if settings.tls_cert else "http"
    log.info("serving %s://%s:%d (preset %s)", scheme, settings.host, settings.port, settings.preset)
    log_exposure(settings)
    config = uvicorn.Config(
        create_app(settings, model),
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    # uvicorn raises the signal again after shutdown; SIGTERM is not a failure
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.Server(config).run(sockets=[sock])
    finally:
        sock.close()


def log_exposure(settings: Settings) -> None:
    """Log what is accessible without a token or without TLS."""
    if settings.no_auth:
        log.warning("no token is required (--no-auth): everyone who can reach this address is admin")
    elif settings.token_required and settings.token is None:
        log.warning("there is no admin: LIPAR_TOKEN is not set, so nobody can list all sessions or end those of others")
    if not settings.loopback and settings.tls_cert is None:
        log.warning(
            "serving %s without TLS (--insecure): browsers allow the camera on secure pages only", settings.host
        )


def _bind(settings: Settings) -> socket.socket:
    """Bind the port before anything is started, so that a port in use is a one-line error."""
    try:
        return bind_tcp(settings.host, settings.port)
    except OSError as error:
        why = "the port is in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
        raise ConfigError(f"cannot serve on {settings.host}:{settings.port}: {why}") from error
