"""Access: every route with every kind of token, and the role that a token grants."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from harness.echo import write_preset
from server.api.app import create_app
from server.api.auth import RequireRole, allow_anyone
from server.api.middleware import MAX_BODY
from server.settings import Settings
from tests.server.api.app_client import ADMIN, EDITOR, VIEW, client_of, make_app, put_session, send

SDP = {"content": "v=0\r\n", "headers": {"Content-Type": "application/sdp"}}
CANDIDATES = {"content": "a=mid:0\r\n", "headers": {"Content-Type": "application/trickle-ice-sdpfrag"}}
OFFER = {"json": {"type": "offer", "sdp": "v=0\r\n"}}

# Role, request, and the status for an authorized client: without a peer and a model, most get no further.
ROUTES = {
    ("GET", "/healthz"): ("open", {}, 200),
    ("GET", "/readyz"): ("open", {}, 503),
    ("GET", "/docs"): ("open", {}, 200),
    ("GET", "/metrics"): ("admin", {}, 200),
    ("GET", "/api/v1/access"): ("open", {}, 200),
    ("GET", "/api/v1/preset"): ("any role", {}, 200),
    ("GET", "/api/v1/schema"): ("any role", {}, 200),
    ("GET", "/api/v1/ice-servers"): ("any role", {}, 200),
    ("POST", "/api/v1/sessions"): ("create", OFFER, 422),
    ("GET", "/api/v1/sessions"): ("admin", {}, 200),
    ("GET", "/api/v1/sessions/{session_id}"): ("viewer", {}, 200),
    ("PATCH", "/api/v1/sessions/{session_id}"): ("editor", CANDIDATES, 404),
    ("GET", "/api/v1/sessions/{session_id}/timeline"): ("editor", {}, 200),
    ("GET", "/api/v1/sessions/{session_id}/overlay.png"): ("viewer", {}, 409),
    ("DELETE", "/api/v1/sessions/{session_id}"): ("editor", {}, 204),
    ("PATCH", "/api/v1/sessions/{session_id}/parameters"): ("editor", {"json": {"seed": -1}}, 422),
    ("POST", "/api/v1/sessions/{session_id}/resume"): ("editor", OFFER, 422),
    ("POST", "/api/v1/sessions/{session_id}/park"): ("editor", {}, 204),
    ("OPTIONS", "/api/v1/whip"): ("open", {}, 204),
    ("GET", "/api/v1/whip"): ("create", {}, 204),
    ("POST", "/api/v1/whip"): ("create", SDP, 422),
    ("PATCH", "/api/v1/whip/{session_id}"): ("editor", CANDIDATES, 404),
    ("DELETE", "/api/v1/whip/{session_id}"): ("editor", {}, 200),
    ("OPTIONS", "/api/v1/whep/{session_id}"): ("open", {}, 204),
    ("HEAD", "/api/v1/whep/{session_id}"): ("viewer", {}, 200),
    ("GET", "/api/v1/whep/{session_id}"): ("viewer", {}, 204),
    ("POST", "/api/v1/whep/{session_id}"): ("viewer", SDP, 409),
    ("PATCH", "/api/v1/whep/{session_id}/{viewer_id}"): ("viewer", CANDIDATES, 404),
    ("DELETE", "/api/v1/whep/{session_id}/{viewer_id}"): ("viewer", {}, 404),
}
CREDENTIALS = {"viewer", "other viewer", "other editor", "own editor", "view_token", "editor_token", "admin"}
ALLOWED = {
    "open": CREDENTIALS | {"none", "wrong"},
    "any role": CREDENTIALS,
    "create": {"editor_token", "admin"},
    "viewer": {"viewer", "own editor", "view_token", "admin"},
    "editor": {"own editor", "admin"},
    "admin": {"admin"},
}


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_preset(tmp_path_factory.mktemp("preset"), width=96, height=64))


def declared(app: FastAPI) -> Iterator[tuple[str, str, bool]]:
    """Method and path of every route, and whether it declares a role."""
    for route in iter_route_contexts(app.routes):
        if route.path == "/openapi.json":
            continue  # the framework's own, and open
        calls = [dependency.call for dependency in route.dependant.dependencies]
        for method in route.methods or ():
            yield method, str(route.path), any(isinstance(call, RequireRole) or call is allow_anyone for call in calls)


def test_every_route_declares_its_role(preset):
    routes = list(declared(create_app(Settings(preset=preset))))
    assert [path for _, path, has_role in routes if not has_role] == []
    assert {(method, path) for method, path, _ in routes if path != "/"} == set(ROUTES)


@pytest.mark.parametrize("kind", ["edit", "publish"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_route_accepts_only_the_roles_that_it_declares(preset, method, path, kind):
    need, sent, status = ROUTES[method, path]
    allowed = ALLOWED[need] | ({"editor_token"} if kind == "publish" and need in ("viewer", "editor") else set())
    app = make_app(preset, token=ADMIN, editor_token=EDITOR, view_token=VIEW)
    sessions = app.state.sessions
    async with client_of(app) as client:
        other = put_session(sessions, "other", kind)
        for credential in ["none", "wrong", *sorted(CREDENTIALS)]:
            mine = sessions.handles.get("mine") or put_session(sessions, "mine", kind)
            tokens = {"wrong": "guess", "view_token": VIEW, "editor_token": EDITOR, "admin": ADMIN}
            tokens |= {"viewer": mine.view_token, "own editor": mine.token}
            tokens |= {"other viewer": other.view_token, "other editor": other.token}
            reply = await send(client, method, path, sent, tokens.get(credential))
            rejection = 401 if credential in ("none", "wrong") else 403
            assert reply.status_code == (status if credential in allowed else rejection), (credential, reply.text)
            if credential not in allowed and method != "HEAD":
                assert reply.json()["detail"]["message"]
                assert reply.headers.get("WWW-Authenticate") == ("Bearer" if rejection == 401 else None)


async def test_an_ended_session_gets_404_with_any_token_and_401_without(preset):
    async with client_of(make_app(preset, token=ADMIN)) as client:
        for method, path in ROUTES:
            if "{session_id}" in path and method not in ("OPTIONS", "HEAD"):
                _, sent, _ = ROUTES[method, path]
                assert (await send(client, method, path, sent, "of-an-ended-session")).status_code == 404
                assert (await send(client, method, path, sent, None)).status_code == 401
        ice = await client.get("/api/v1/ice-servers?session=mine", headers={"Authorization": "Bearer ended"})
        assert ice.status_code == 404


async def test_park_accepts_a_token_in_the_body(preset):
    app = make_app(preset, token=ADMIN)
    async with client_of(app) as client:
        mine, other = put_session(app.state.sessions, "mine"), put_session(app.state.sessions, "other")
        for token, status in [("guess", 401), (other.token, 403), (mine.view_token, 403), (mine.token, 204)]:
            reply = await client.post("/api/v1/sessions/mine/park", json={"token": token})
            assert reply.status_code == status
        for body in ("[" * 100_000, "[]", '{"token": 5}', "\xff"):
            headers = {"Content-Type": "text/plain"}
            reply = await client.post("/api/v1/sessions/mine/park", content=body, headers=headers)
            assert reply.status_code == 401
        reply = await client.patch("/api/v1/sessions/mine/parameters", json={"token": mine.token})
        assert reply.status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/whip", "/api/v1/sessions/mine/park"])
async def test_reading_an_unauthorized_body_stops_at_the_limit(preset, path):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10 * MAX_BODY:
            sent += 100_000
            yield b" " * 100_000

    async with client_of(make_app(preset, token=ADMIN)) as client:
        reply = await client.post(path, content=endless(), headers={"Content-Type": "application/json"})
    assert reply.status_code in (401, 413)
    assert sent <= MAX_BODY + 200_000


async def test_only_whep_accepts_a_token_in_the_url(preset):
    app = make_app(preset, token=ADMIN)
    async with client_of(app) as client:
        mine = put_session(app.state.sessions, "mine")
        assert (await client.get(f"/api/v1/whep/mine?token={mine.view_token}")).status_code == 204
        assert (await client.get("/api/v1/whep/mine?token=guess")).status_code == 401
        assert (await client.get("/api/v1/whep/mine?token=")).status_code == 401
        assert (await client.get(f"/api/v1/sessions/mine?token={mine.token}")).status_code == 401
        assert (await client.get(f"/api/v1/sessions?token={ADMIN}")).status_code == 401


@pytest.mark.parametrize(
    ("settings", "token", "answer"),
    [
        ({"token": ADMIN}, None, ("none", None, True)),
        ({"token": ADMIN}, "guess", ("none", None, True)),
        ({"token": ADMIN}, ADMIN, ("admin", None, True)),
        ({"token": ADMIN, "editor_token": EDITOR}, EDITOR, ("editor", None, True)),
        ({"token": ADMIN, "view_token": VIEW}, VIEW, ("viewer", None, True)),
        ({"token": ADMIN}, "own editor", ("editor", "mine", True)),
        ({}, None, ("admin", None, False)),
        ({}, "guess", ("none", None, False)),
        ({"no_auth": True}, "guess", ("admin", None, False)),
    ],
)
async def test_access_reports_the_role_of_a_token(preset, settings, token, answer):
    app = make_app(preset, **settings)
    async with client_of(app) as client:
        mine = put_session(app.state.sessions, "mine")
        sent_token = mine.token if token == "own editor" else token
        reply = await client.get(
            "/api/v1/access", headers={"Authorization": f"Bearer {sent_token}"} if sent_token else {}
        )
        assert reply.status_code == 200
        assert reply.json() == dict(zip(("role", "session", "token_required"), answer, strict=True))
