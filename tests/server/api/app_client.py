"""The application in this process, without a model process, and a client of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from lipar_core.presets import default_parameters, load_preset
from server.api.app import create_app
from server.control.registry import SessionRegistry
from server.control.session_handle import SessionHandle
from server.settings import Settings

ADMIN, EDITOR, VIEW = "admins-secret", "editors-secret", "viewers-secret"


def make_app(preset: str, **settings: object) -> FastAPI:
    """The application as between startup and shutdown, with a model that is not ready."""
    server_settings = Settings(preset=preset, max_sessions=9, **settings)  # type: ignore[arg-type]
    app = create_app(server_settings)
    app.state.sessions = SessionRegistry(server_settings, load_preset(preset), lambda *_: None)
    return app


@asynccontextmanager
async def client_of(app: FastAPI, host: str = "127.0.0.1:8000") -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            yield client
    finally:
        for name in list(app.state.sessions.handles):
            await app.state.sessions.close(name)


def put_session(sessions: SessionRegistry, name: str, kind: str = "edit") -> SessionHandle:
    """Add a session without any connection."""
    parameters = default_parameters(sessions.preset, live=True)
    handle = SessionHandle(sessions.settings, sessions.preset, sessions.pool.workers[0], parameters, kind, name)  # type: ignore[arg-type]
    sessions.handles[name] = handle
    return handle


async def send(client: httpx2.AsyncClient, method: str, path: str, sent: dict, token: str | None) -> httpx2.Response:
    headers = sent.get("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    address = path.format(session_id="mine", viewer_id="nobody")
    return await client.request(method, address, **(sent | {"headers": headers}))
