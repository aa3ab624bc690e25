"""A server without tokens accepts only local requests."""

import pytest

from harness.echo import write_preset
from tests.server.api.app_client import ADMIN, EDITOR, VIEW, client_of, make_app, put_session, send

SAME_ORIGIN = {"Origin": "http://127.0.0.1:8000"}
REQUESTS = [
    ({}, 200),  # curl
    ({"Authorization": "Bearer "}, 200),
    (SAME_ORIGIN | {"Sec-Fetch-Site": "same-origin"}, 200),
    (SAME_ORIGIN, 200),
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


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_preset(tmp_path_factory.mktemp("preset"), width=96, height=64))


@pytest.mark.parametrize(("headers", "status"), REQUESTS)
async def test_without_tokens_only_local_requests_are_accepted(preset, headers, status):
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
async def test_access_depends_on_the_settings(preset, settings, headers, status):
    async with client_of(make_app(preset, **settings)) as client:
        assert (await client.get("/api/v1/sessions", headers=headers)).status_code == status


async def test_watching_requires_a_token_even_locally(preset):
    app = make_app(preset)
    async with client_of(app) as client:
        session = put_session(app.state.sessions, "mine")
        for token, status in [(None, 401), ("guess", 401), (session.view_token, 204), (session.token, 204)]:
            reply = await send(client, "GET", "/api/v1/whep/{session_id}", {}, token)
            assert reply.status_code == status
    async with client_of(make_app(preset, no_auth=True)) as client:
        assert (await client.get("/api/v1/whep/mine")).status_code == 404
