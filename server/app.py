"""The web application: lifespan, routers, error map."""

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

import lipar_core
from lipar_core.config import load_preset
from lipar_core.errors import ParameterError
from server.errors import BadOffer, Forbidden, NameTaken, NothingLive, ServerError, SessionNotFound, Unavailable
from server.media import aiortc_patches
from server.media.colour_space import accept_colour_space
from server.media.decoder import count_undecodable_frames
from server.media.dtls import patch_dtls
from server.model_entry import Entry, main
from server.routes import health, preset, sessions, whep, whip
from server.sessions import Sessions
from server.settings import Settings

SWITCH_S = 0.0005  # how long a busy Python thread may keep the event loop from the interpreter
STATUS = {Forbidden: 401, SessionNotFound: 404, NameTaken: 409, NothingLive: 409, BadOffer: 422, Unavailable: 503}
MORE_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 409: {"Retry-After": "2"}, 503: {"Retry-After": "5"}}
OPEN_TO_ALL = (whip.router.prefix, whep.router.prefix)  # to pages of other origins, as their documents ask
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}
NOT_BUILT = "The web page is not built yet. Run `make web` in the project's folder, then reload this page.\n"


def create_app(settings: Settings, model: Entry = main) -> FastAPI:
    """The application; its lifespan starts and stops the model process, which runs `model`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        aiortc_patches.check_versions()
        aiortc_patches.accept_more_codecs()
        patch_dtls()
        accept_colour_space()
        count_undecodable_frames()
        aiortc_patches.set_bitrates(settings.start_bitrate, settings.min_bitrate, settings.max_bitrate)
        if settings.loopback:
            aiortc_patches.offer_loopback()
        if settings.udp_range is not None:
            aiortc_patches.limit_ports(asyncio.get_running_loop(), *settings.udp_range)
        app.state.sessions = Sessions(settings, load_preset(settings.preset), model)
        app.state.sessions.start()
        yield
        await app.state.sessions.stop()

    app = FastAPI(title="LIPAR live", version=lipar_core.__version__, lifespan=lifespan)
    for module in (health, preset, sessions, whip, whep):
        app.include_router(module.router)
    _map_errors(app)
    _add_headers(app)
    app.add_middleware(PublicCors)
    if (settings.static / "index.html").is_file():
        app.mount("/", StaticFiles(directory=settings.static, html=True), name="page")
    else:
        app.add_api_route("/", lambda: PlainTextResponse(NOT_BUILT, 503), include_in_schema=False)
    return app


class PublicCors:
    """CORS for WHIP and WHEP alone: no other page may use the rest of a server that runs on its visitor's machine."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.public = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Location", "ETag", "Link", "Accept-Post", "Accept-Patch", "Retry-After"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        public = scope["type"] == "http" and scope["path"].startswith(OPEN_TO_ALL)
        await (self.public if public else self.app)(scope, receive, send)


def _map_errors(app: FastAPI) -> None:
    @app.exception_handler(ParameterError)
    async def refused(_: Request, error: ParameterError) -> JSONResponse:
        detail = {
            "message": _sayable(str(error)),
            "path": _sayable(error.path),
            "value": _plain(error.value),
            "allowed": error.allowed,
        }
        return JSONResponse({"detail": detail}, 422)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
        detail = {"message": f"{path}: {first['msg']}", "path": path, "allowed": first["msg"]}
        return JSONResponse({"detail": detail}, 422)

    @app.exception_handler(ServerError)
    async def failed(_: Request, error: ServerError) -> JSONResponse:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        return JSONResponse({"detail": {"message": str(error)}}, status, MORE_HEADERS.get(status))


def _add_headers(app: FastAPI) -> None:
    @app.middleware("http")
    async def harden(request: Request, call_next):  # type: ignore[no-untyped-def]
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response


def _plain(value: object) -> object:
    """A refused value as JSON can carry it."""
    if isinstance(value, (int, bool, type(None))) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _sayable(value if isinstance(value, str) else repr(value)[:200])


def _sayable(text: str) -> str:
    """Text as UTF-8 can carry it: JSON may name half a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()
