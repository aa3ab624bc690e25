"""Middleware: headers, paths, host and proxy checks, body limit, CORS, compression."""

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.error_handlers import error_response
from server.api.request_origin import proxy_header, rejected_host
from server.settings import Settings

API = "/api/"
CORS_PATHS = ("/api/v1/whip", "/api/v1/whep")  # open to other origins, as both specifications require
MIN_COMPRESSED = 1000  # bytes: a smaller response fits into one packet
MAX_BODY = 2_000_000  # bytes: an offer of MAX_SDP characters, escaped in JSON
HEALTH = ("/healthz", "/readyz")  # load balancers use any Host
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",  # data: pictures that the page makes of styles
        "media-src 'self' blob:",  # the user's video file
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# Of the script of a worker that runs WebAssembly, which has a policy of its own: the page's stays strict.
WASM_WORKER_POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self' 'wasm-unsafe-eval'"
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    "Cache-Control": "no-store",
}


class DefaultHeaders:
    """Adds default headers to every response that does not set them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class PathNormalization:
    """Removes the base path that a proxy has left, and a trailing slash of an API path.

    A redirect instead would lose the body of a POST, or the path that a proxy has removed.
    """

    def __init__(self, app: ASGIApp, base_path: str | None) -> None:
        self.app, self.base_path = app, base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": self._server_path(scope["path"])}
        await self.app(scope, receive, send)

    def _server_path(self, path: str) -> str:
        if self.base_path is not None and path.startswith(f"{self.base_path}/"):
            path = path.removeprefix(self.base_path)
        return path.removesuffix("/") if path.startswith(API) else path


class RequestFilter:
    """Rejects unknown `Host`s (DNS rebinding), and requests through a proxy to a server without a token."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in HEALTH:
            headers = Headers(scope=scope)
            if (host := rejected_host(headers, self.settings)) is not None:
                message = f"this server does not answer as {host!r}: name that host in --allowed-hosts"
                await error_response(421, message)(scope, receive, send)
                return
            if not self.settings.token_required and not self.settings.no_auth and (name := proxy_header(headers)):
                message = f"the request came through a proxy ({name}), so the server needs a token: set LIPAR_TOKEN"
                await error_response(403, message)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimit:
    """413 for a body longer than any valid one: a body is read before its token is checked."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = 0

        async def receive_some() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > MAX_BODY:
                raise HTTPException(413, {"message": f"the body is longer than {MAX_BODY} bytes"})
            return message

        await self.app(scope, receive_some if scope["type"] == "http" else receive, send)


class PublicCors:
    """CORS for WHIP and WHEP only: no other page may use the rest of the API of a server on its visitor's machine."""

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
        public = scope["type"] == "http" and scope["path"].startswith(CORS_PATHS)
        await (self.public if public else self.app)(scope, receive, send)


class Compression:
    """gzip for clients that accept it, except for SDP, whose ETag identifies the exact bytes, and event streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.gzip = app, GZipMiddleware(app, minimum_size=MIN_COMPRESSED, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_sdp = scope["type"] == "http" and scope["path"].startswith(CORS_PATHS)
        await (self.app if is_sdp else self.gzip)(scope, receive, send)
