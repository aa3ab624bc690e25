"""Malformed bodies are rejected and change nothing: invalid JSON, invalid offers, wrong types."""

import json

import pytest

from harness.echo import write_preset
from tests.server.api.app_client import client_of, make_app, put_session
from tests.server.live import Viewer

JSON = {"Content-Type": "application/json"}
HUGE = b'{"strength": 1' + b"0" * 400 + b"}"  # more than a float holds


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return str(write_preset(tmp_path_factory.mktemp("preset"), width=96, height=64))


@pytest.fixture
def app(preset):
    return make_app(preset)


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize(
    "body", [rb'{"prompt": "\ud800"}', rb'{"\ud800": 1}', rb'{"strength": NaN}', b"[]", b"{", HUGE]
)
async def test_valid_json_with_invalid_values_is_rejected(app, client, body):
    put_session(app.state.sessions, "live")
    reply = await client.patch("/api/v1/sessions/live/parameters", content=body, headers=JSON)
    assert reply.status_code == 422
    assert reply.json()["detail"]["message"]
    other = Viewer(client)
    opening = {"sdp": await other.offer(), "type": "offer", "parameters": {}}
    await other.close()
    text = json.dumps(opening).encode().replace(b'"parameters": {}', b'"parameters": ' + body)
    assert (await client.post("/api/v1/sessions", content=text, headers=JSON)).status_code == 422
    assert len((await client.get("/api/v1/sessions")).json()) == 1


@pytest.mark.parametrize("token", [rb'"\ud800"', b"9" * 5000, b"[" * 9000])
async def test_a_token_of_another_type_is_rejected(app, client, token):
    session = put_session(app.state.sessions, "live")
    body = b'{"token": ' + token + b"}"
    reply = await client.post("/api/v1/sessions/live/park", content=body, headers=JSON)
    assert reply.status_code in (400, 401, 422)
    assert reply.json()["detail"]["message"]
    assert session.status()["state"] != "parked"


async def test_rejected_offers_create_no_session(client):
    audio = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    viewer = Viewer(client)
    good = await viewer.offer()
    bodies = [
        ({"sdp": "garbage", "type": "offer"}, "not SDP"),
        ({"sdp": "v=0 garbage m=video", "type": "offer"}, "offer"),
        ({"sdp": audio, "type": "offer"}, "no video"),
        ({"sdp": "x" * 1_000_000, "type": "offer"}, "sdp"),
        ({"type": "offer"}, "sdp"),
        ({"sdp": good, "type": "answer"}, "type"),
        ({"sdp": good, "type": "offer", "parameters": {"strength": 2}}, "strength"),
        (
            {"sdp": good, "type": "offer", "parameters": {"region": {"mask": "2x1:AAAA"}}},
            "region.mask = '2x1:AAAA': must be",
        ),
        ({"sdp": good, "type": "offer", "parameters": {"region": {"box": [0.5, 0, 0.6, 1]}}}, "lie inside the picture"),
        ({"sdp": good, "type": "offer", "size": "64x64"}, "size = '64x64': preset echo_96x64_1 has 96x64, 64x96"),
        ({"sdp": good, "type": "offer", "size": 96}, "size"),
        ({"sdp": good.replace("a=sendrecv", "a=inactive"), "type": "offer"}, "video"),
    ]
    for body, word in bodies:
        reply = await client.post("/api/v1/sessions", json=body)
        assert reply.status_code == 422, body
        assert word in reply.json()["detail"]["message"]
    await viewer.close()
    assert (await client.get("/api/v1/sessions")).json() == []
