"""The page's build: files whose names change with their contents are cached for a year, all others are revalidated."""

import mimetypes
import os
from collections.abc import Callable
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from server.api.auth import allow_anyone
from server.api.middleware import API, WASM_WORKER_POLICY

NOT_BUILT = "The web page is not built yet. Run `make web` in the project's folder, then reload this page.\n"
ASSETS = "assets"  # where the build puts files with a hash of their contents in their names
WASM_WORKER = "segmentation_worker"  # how the name of a script begins that runs WebAssembly in a worker
CACHE_FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

mimetypes.add_type("image/webp", ".webp")  # unknown to Python before 3.13 where the system has no table of types


class PageFiles(StaticFiles):
    """Static files with Cache-Control. ETags are weak: the same with and without compression."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = CACHE_FOREVER if Path(full_path).parent.name == ASSETS else REVALIDATE
        if Path(full_path).name.startswith(WASM_WORKER):
            response.headers["Content-Security-Policy"] = WASM_WORKER_POLICY
        response.headers["ETag"] = "W/" + response.headers["ETag"]
        return response


def add_page(app: FastAPI, static: Path, base_path: str | None) -> None:
    """Serve the page at all paths without a route; redirect a base path without its final slash."""
    if base_path is not None:
        folder = base_path.rpartition("/")[2] + "/"
        _add_open_route(app, base_path, lambda: RedirectResponse(folder, 308))
    if not (static / "index.html").is_file():
        _add_open_route(app, "/", lambda: PlainTextResponse(NOT_BUILT, 503))
        return
    files = PageFiles(directory=static, html=True)

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not scope["path"].startswith(API)
        await (files if is_page else app.router.not_found)(scope, receive, send)

    app.router.default = page  # a mount would take precedence over routes that match the path only


def _add_open_route(app: FastAPI, path: str, answer: Callable[[], Response]) -> None:
    app.add_api_route(path, answer, include_in_schema=False, dependencies=[Depends(allow_anyone)])
