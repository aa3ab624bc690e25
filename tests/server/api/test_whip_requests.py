"""Requests to WHIP and WHEP that are rejected, and preflights."""

import pytest

from harness.echo import write_preset
from tests.server.api.app_client import client_of, make_app
from tests.server.api.whip_client import ADMIN, NO_TOKEN, PUBLISH, SDP, VIEW, bearer


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return str(write_preset(tmp_path_factory.mktemp("preset"), width=96, height=64))


@pytest.fixture
async def client(preset):
    async with client_of(make_app(preset, token=ADMIN, editor_token=PUBLISH, view_token=VIEW)) as client:
        client.headers.update(bearer(ADMIN))
        yield client


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (bearer(PUBLISH) | {"Content-Type": "application/json"}, "v=0", 415),
        (bearer(PUBLISH), "v=0", 415),
        (bearer(PUBLISH) | SDP, "hello", 400),
        (bearer(PUBLISH) | SDP, b"v=\xff\xfe", 400),
        (bearer(PUBLISH) | SDP, "v=0\r\nm=audio", 422),
        (bearer(PUBLISH) | SDP, "v=0\r\nm=video nonsense", 422),
        (bearer(PUBLISH) | SDP, "v=0\r\n" + "a" * 1_000_000, 413),
        (SDP | NO_TOKEN, "v=0", 401),
        (SDP | bearer("wrong"), "v=0", 401),
        (SDP | {"Authorization": "Basic " + PUBLISH}, "v=0", 401),
    ],
)
async def test_invalid_publications_are_rejected(client, headers, body, status):
    reply = await client.post("/api/v1/whip", content=body, headers=headers)
    assert reply.status_code == status
    assert reply.json()["detail"]["message"]
    if status == 415:
        assert reply.headers["Accept-Post"] == "application/sdp"
    assert (await client.get("/api/v1/sessions")).json() == []


async def test_invalid_names_are_rejected(client):
    reply = await client.post("/api/v1/whip?session=a/b", content="v=0", headers=SDP | bearer(PUBLISH))
    assert reply.status_code == 422
    assert "session" in reply.json()["detail"]["message"]


async def test_preflights_and_options_need_no_token(client):
    origin_headers = {"Origin": "https://player.example", "Access-Control-Request-Method": "POST"}
    client.headers.update(NO_TOKEN)
    for path in ("/api/v1/whip", "/api/v1/whep/some"):
        preflight = await client.options(
            path, headers=origin_headers | {"Access-Control-Request-Headers": "authorization"}
        )
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        plain = await client.options(path)
        assert plain.headers["Accept-Post"] == "application/sdp"
    assert (await client.get("/api/v1/whip", headers=bearer(PUBLISH))).status_code == 204
    closed = await client.options("/api/v1/sessions", headers=origin_headers)
    assert "Access-Control-Allow-Origin" not in closed.headers
