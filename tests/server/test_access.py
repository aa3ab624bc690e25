"""Who may do what: every route against every kind of token, and what a server without a token answers to whom."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from harness.echo import write_preset
from lipar_core.presets import default_parameters, load_preset
from server.api.app import create_app
from server.api.auth import RequireRole, allow_anyone
from server.api.middleware import MAX_BODY
from server.control.registry import SessionRegistry
from server.control.session_handle import SessionHandle
from server.settings import Settings

ADMIN, EDITOR, VIEW = "admins-secret", "editors-secret", "viewers-secret"
SDP = {"content": "v=0\r\n", "headers": {"Content-Type": "application/sdp"}}
CANDIDATES = {"content": "a=mid:0\r\n", "headers": {"Content-Type": "application/trickle-ice-sdpfrag"}}
OFFER = {"json": {"type": "offer", "sdp": "v=0\r\n"}}

# Role, request, and the status for an authorized client: without a peer and a model, most get no further.
ROUTES = {
    ("GET", "/healthz"): ("open", {}, 200),
    ("GET", "/readyz"): ("open", {}, 503),
    ("GET", "/docs"): ("open", {}, 200),
    ("GET", "/api/v1/access"): ("open", {}, 200),
    ("GET", "/api/v1/preset"): ("any role", {}, 200),
    ("GET", "/api/v1/schema"): ("any role", {}, 200),
    ("GET", "/api/v1/ice-servers"): ("any role", {}, 200),
    ("POST", "/api/v1/sessions"): ("begin", OFFER, 422),
    ("GET", "/api/v1/sessions"): ("admin", {}, 200),
    ("GET", "/api/v1/sessions/{session_id}"): ("viewer", {}, 200),
    ("PATCH", "/api/v1/sessions/{session_id}"): ("editor", CANDIDATES, 404),
    ("DELETE", "/api/v1/sessions/{session_id}"): ("editor", {}, 204),
    ("PATCH", "/api/v1/sessions/{session_id}/parameters"): ("editor", {"json": {"seed": -1}}, 422),
    ("POST", "/api/v1/sessions/{session_id}/resume"): ("editor", OFFER, 422),
    ("POST", "/api/v1/sessions/{session_id}/park"): ("editor", {}, 204),
    ("OPTIONS", "/api/v1/whip"): ("open", {}, 204),
    ("GET", "/api/v1/whip"): ("begin", {}, 204),
    ("POST", "/api/v1/whip"): ("begin", SDP, 422),
    ("PATCH", "/api/v1/whip/{session_id}"): ("editor", CANDIDATES, 404),
    ("DELETE", "/api/v1/whip/{session_id}"): ("editor", {}, 200),
    ("OPTIONS", "/api/v1/whep/{session_id}"): ("open", {}, 204),
    ("HEAD", "/api/v1/whep/{session_id}"): ("viewer", {}, 200),
    ("GET", "/api/v1/whep/{session_id}"): ("viewer", {}, 204),
    ("POST", "/api/v1/whep/{session_id}"): ("viewer", SDP, 409),
    ("PATCH", "/api/v1/whep/{session_id}/{viewer_id}"): ("viewer", CANDIDATES, 404),
    ("DELETE", "/api/v1/whep/{session_id}/{viewer_id}"): ("viewer", {}, 404),
}
KNOWN = {"viewer", "other viewer", "other editor", "own editor", "view_token", "editor_token", "admin"}
MAY = {
    "open": KNOWN | {"none", "wrong"},
    "any role": KNOWN,
    "begin": {"editor_token", "admin"},
    "viewer": {"viewer", "own editor", "view_token", "admin"},
    "editor": {"own editor", "admin"},
    "admin": {"admin"},
}


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_preset(tmp_path_factory.mktemp("preset"), width=96, height=64))


def make_app(preset: str, **settings: object) -> FastAPI:
    """The application as it is between start and stop, with a model that is not ready."""
    given = Settings(preset=preset, max_sessions=9, **settings)  # type: ignore[arg-type]
    app = create_app(given)
    app.state.sessions = SessionRegistry(given, load_preset(preset), lambda *_: None)
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
    """One that nobody is connected to."""
    parameters = default_parameters(sessions.preset, live=True)
    handle = SessionHandle(sessions.settings, sessions.preset, sessions.worker, parameters, kind, name)  # type: ignore[arg-type]
    sessions.handles[name] = handle
    return handle


def declared(app: FastAPI) -> Iterator[tuple[str, str, bool]]:
    """Method and path of every route, and whether it says who may use it."""
    for route in iter_route_contexts(app.routes):
        if route.path == "/openapi.json":
            continue  # the framework's own, and open
        calls = [dependency.call for dependency in route.dependant.dependencies]
        for method in route.methods or ():
            yield method, str(route.path), any(isinstance(call, RequireRole) or call is allow_anyone for call in calls)


def test_every_route_says_who_may_use_it(preset):
    found = list(declared(create_app(Settings(preset=preset))))
    assert [path for _, path, says in found if not says] == []
    assert {(method, path) for method, path, _ in found if path != "/"} == set(ROUTES)


@pytest.mark.parametrize("kind", ["edit", "publish"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_token_opens_what_its_role_may(preset, method, path, kind):
    need, sent, status = ROUTES[method, path]
    may = MAY[need] | ({"editor_token"} if kind == "publish" and need in ("viewer", "editor") else set())
    app = make_app(preset, token=ADMIN, editor_token=EDITOR, view_token=VIEW)
    sessions = app.state.sessions
    async with client_of(app) as client:
        other = put_session(sessions, "other", kind)
        for who in ["none", "wrong", *sorted(KNOWN)]:
            mine = sessions.handles.get("mine") or put_session(sessions, "mine", kind)
            tokens = {"wrong": "guess", "view_token": VIEW, "editor_token": EDITOR, "admin": ADMIN}
            tokens |= {"viewer": mine.view_token, "own editor": mine.token}
            tokens |= {"other viewer": other.view_token, "other editor": other.token}
            reply = await send(client, method, path, sent, tokens.get(who))
            refusal = 401 if who in ("none", "wrong") else 403
            assert reply.status_code == (status if who in may else refusal), (who, reply.text)
            if who not in may and method != "HEAD":
                assert reply.json()["detail"]["message"]
                assert reply.headers.get("WWW-Authenticate") == ("Bearer" if refusal == 401 else None)


async def send(client: httpx2.AsyncClient, method: str, path: str, sent: dict, token: str | None) -> httpx2.Response:
    headers = sent.get("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    address = path.format(session_id="mine", viewer_id="nobody")
    return await client.request(method, address, **(sent | {"headers": headers}))


async def test_a_session_that_has_ended_is_told_to_who_may_have_been_its_own(preset):
    async with client_of(make_app(preset, token=ADMIN)) as client:
        for method, path in ROUTES:
            if "{session_id}" in path and method not in ("OPTIONS", "HEAD"):
                _, sent, _ = ROUTES[method, path]
                assert (await send(client, method, path, sent, "of-an-ended-session")).status_code == 404
                assert (await send(client, method, path, sent, None)).status_code == 401
        ice = await client.get("/api/v1/ice-servers?session=mine", headers={"Authorization": "Bearer ended"})
        assert ice.status_code == 404


async def test_a_token_may_stand_in_the_body_where_headers_cannot_be_sent(preset):
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
async def test_a_stranger_s_endless_body_is_not_read_to_its_end(preset, path):
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


async def test_a_token_may_stand_in_the_address_for_players_alone(preset):
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
async def test_a_page_learns_what_its_token_may(preset, settings, token, answer):
    app = make_app(preset, **settings)
    async with client_of(app) as client:
        mine = put_session(app.state.sessions, "mine")
        given = mine.token if token == "own editor" else token
        reply = await client.get("/api/v1/access", headers={"Authorization": f"Bearer {given}"} if given else {})
        assert reply.status_code == 200
        assert reply.json() == dict(zip(("role", "session", "token_required"), answer, strict=True))


SAME = {"Origin": "http://127.0.0.1:8000"}
FREE = [
    ({}, 200),  # curl
    ({"Authorization": "Bearer "}, 200),
    (SAME | {"Sec-Fetch-Site": "same-origin"}, 200),
    (SAME, 200),
    ({"Sec-Fetch-Site": "none"}, 200),  # typed into the address bar
    ({"Host": "localhost:8000"}, 200),
    ({"Host": "[::1]:8000"}, 200),
    ({"Host": "studio.example"}, 200),  # in allowed_hosts
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "http://127.0.0.1:9000"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Host": "evil.example"}, 421),
    ({"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 421),
    ({"Host": "127.0.0.1.evil.example"}, 421),
    ({"Host": "localhost@evil.example"}, 421),
    ({"Host": "[::1"}, 421),
    ({"Host": ""}, 421),
    ({"X-Forwarded-For": "203.0.113.7"}, 403),
    ({"X-Forwarded-Proto": "https"}, 403),
    ({"Forwarded": "for=203.0.113.7"}, 403),
    ({"Via": "1.1 cache"}, 403),
    ({"X-Real-IP": "203.0.113.7"}, 403),
    ({"Authorization": "Bearer guess"}, 401),
]


@pytest.mark.parametrize(("headers", "status"), FREE)
async def test_without_a_token_only_this_machine_is_served(preset, headers, status):
    async with client_of(make_app(preset, allowed_hosts=("studio.example",))) as client:
        for method, path in [("GET", "/api/v1/sessions"), ("GET", "/api/v1/preset"), ("GET", "/api/v1/whip")]:
            reply = await client.request(method, path, headers=headers)
            assert reply.status_code == (204 if path.endswith("whip") and status == 200 else status), path
            if status >= 400:
                assert reply.json()["detail"]["message"]
        assert (await client.get("/healthz", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({"token": ADMIN}, {"X-Forwarded-For": "203.0.113.7"}, 401),
        ({"token": ADMIN}, {"X-Forwarded-For": "203.0.113.7", "Authorization": f"Bearer {ADMIN}"}, 200),
        ({"token": ADMIN}, {"Host": "evil.example", "Authorization": f"Bearer {ADMIN}"}, 421),
        ({"token": ADMIN}, {"Origin": "http://evil.example", "Authorization": f"bearer {ADMIN}"}, 200),
        ({"token": ADMIN}, {"Authorization": f"Basic {ADMIN}"}, 401),
        ({"editor_token": EDITOR}, {}, 401),
        ({"view_token": VIEW}, {}, 200),
        ({"no_auth": True}, {"X-Forwarded-For": "203.0.113.7"}, 200),
        ({"no_auth": True}, {"Origin": "http://evil.example"}, 403),
        ({"no_auth": True, "host": "0.0.0.0", "insecure": True}, {"Host": "any.example"}, 200),
        ({"token": ADMIN, "host": "0.0.0.0", "insecure": True}, {"Host": "any.example"}, 401),
        ({"no_auth": True, "host": "0.0.0.0", "insecure": True, "allowed_hosts": ("a",)}, {"Host": "b"}, 421),
    ],
)
async def test_who_is_served_with_other_settings(preset, settings, headers, status):
    async with client_of(make_app(preset, **settings)) as client:
        assert (await client.get("/api/v1/sessions", headers=headers)).status_code == status


async def test_watching_needs_a_token_on_this_machine_too(preset):
    app = make_app(preset)
    async with client_of(app) as client:
        mine = put_session(app.state.sessions, "mine")
        for token, status in [(None, 401), ("guess", 401), (mine.view_token, 204), (mine.token, 204)]:
            reply = await send(client, "GET", "/api/v1/whep/{session_id}", {}, token)
            assert reply.status_code == status
    async with client_of(make_app(preset, no_auth=True)) as client:
        assert (await client.get("/api/v1/whep/mine")).status_code == 404
