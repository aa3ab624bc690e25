"""Error responses: `{"detail": {"message": ...}}`, with a status code per type of error."""

import math
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from lipar_core.errors import ParameterError
from server.errors import (
    BadOffer,
    Forbidden,
    NameTaken,
    NothingLive,
    ServerError,
    SessionNotFound,
    Unauthenticated,
    Unavailable,
)

STATUS = {
    Unauthenticated: 401,
    Forbidden: 403,
    SessionNotFound: 404,
    NameTaken: 409,
    NothingLive: 409,
    BadOffer: 422,
    Unavailable: 503,
}
MORE_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 409: {"Retry-After": "2"}, 503: {"Retry-After": "5"}}


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": {"message": message}}, status, headers or MORE_HEADERS.get(status))


def add_error_handlers(app: FastAPI) -> None:
    """Make the application return every error in the documented shape."""
    app.add_exception_handler(ParameterError, _parameter_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _validation_error)  # type: ignore[arg-type]
    app.add_exception_handler(ServerError, _server_error)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http_error)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _internal_error)


async def _parameter_error(_: Request, error: ParameterError) -> JSONResponse:
    detail = {
        "message": _valid_utf8(str(error)),
        "path": _valid_utf8(error.path),
        "value": _json_safe(error.value),
        "allowed": error.allowed,
    }
    return JSONResponse({"detail": detail}, 422)


async def _validation_error(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = () if first["type"] == "json_invalid" else first["loc"]  # a position in the text, not a field
    path = _valid_utf8(".".join(str(part) for part in where if part != "body") or "body")
    detail = {"message": f"{path}: {first['msg']}", "path": path, "allowed": first["msg"]}
    return JSONResponse({"detail": detail}, 422)


async def _server_error(_: Request, error: ServerError) -> JSONResponse:
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return error_response(status, str(error))


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    """Routes raise with a `detail` of the documented shape; the framework itself raises with a text."""
    detail: object = error.detail
    if isinstance(detail, dict):
        return JSONResponse({"detail": detail}, error.status_code, error.headers)
    path = _valid_utf8(request.url.path)
    if error.status_code == 405:
        allowed = ", ".join(_allowed_methods(request.app, request.url.path)) or (error.headers or {}).get("Allow", "")
        return error_response(405, f"{request.method} is not allowed at {path}; allowed: {allowed}", {"Allow": allowed})
    return error_response(error.status_code, f"there is nothing at {path}" if error.status_code == 404 else str(detail))


def _allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods of all routes of this path; the framework reports only those of the first."""
    paths = app.openapi()["paths"].items()
    return sorted({name.upper() for route, methods in paths if compile_path(route)[0].match(path) for name in methods})


async def _internal_error(request: Request, error: Exception) -> JSONResponse:
    """An internal error; the log has the traceback."""
    return error_response(500, f"the server failed ({type(error).__name__}); see its log")


def _json_safe(value: object) -> object:
    """A rejected value as valid JSON."""
    if isinstance(value, (int, bool, type(None))) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _valid_utf8(value if isinstance(value, str) else repr(value)[:200])


def _valid_utf8(text: str) -> str:
    """Text that UTF-8 can encode: JSON may contain lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
