"""The page's files and headers, URLs behind a proxy, and responses for unknown paths."""

import re

import httpx2
import pytest

from harness.echo import Echo, write_preset
from harness.local import free_port
from server.settings import Settings
from tests.server.api.app_client import client_of, make_app
from tests.server.api.publisher import Publisher
from tests.server.live import TIMEOUT_S, RunningServer, resource
from tests.server.proxy import PATH, Proxy

SCRIPT = "export const text = 'a script that is worth its compression';\n" * 100


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_preset(tmp_path_factory.mktemp("preset"), width=96, height=64))


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("static")
    (folder / "assets").mkdir()
    (folder / "assets" / "page-1a2b.js").write_text(SCRIPT)
    (folder / "assets" / "segmentation_worker-1a2b.js").write_text(SCRIPT)
    (folder / "strip.webp").write_bytes(bytes(range(256)) * 20)
    (folder / "index.html").write_text("<!doctype html>" + "<p>page</p>" * 200)
    return folder


@pytest.fixture
async def client(preset, static):
    async with client_of(make_app(preset, static=static)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "kept", "compressed"),
    [
        ("/", "no-cache", True),
        ("/index.html", "no-cache", True),
        ("/strip.webp", "no-cache", False),
        ("/assets/page-1a2b.js", "public, max-age=31536000, immutable", True),
        ("/api/v1/schema", "no-store", True),
        ("/api/v1/sessions", "no-store", False),
        ("/healthz", "no-store", False),
    ],
)
async def test_what_is_kept_and_what_is_compressed(client, path, kept, compressed):
    reply = await client.get(path, headers={"Accept-Encoding": "gzip"})
    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == kept
    assert (reply.headers.get("Content-Encoding") == "gzip") is compressed
    assert not compressed or "Accept-Encoding" in reply.headers["Vary"]
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.content == reply.content
    assert "Content-Encoding" not in plain.headers


async def test_the_type_of_a_picture_is_named(client):
    assert (await client.get("/strip.webp")).headers["Content-Type"] == "image/webp"


async def test_a_cached_file_is_not_sent_again(client):
    first = await client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "gzip"})
    tag = first.headers["ETag"]
    assert re.fullmatch(r'W/"[0-9a-f]+"', tag)
    for encoding in ("gzip", "identity"):
        headers = {"If-None-Match": f'"other", {tag}', "Accept-Encoding": encoding}
        again = await client.get("/assets/page-1a2b.js", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["ETag"], again.headers["Cache-Control"]) == (tag, first.headers["Cache-Control"])
        assert "Content-Encoding" not in again.headers
    changed = await client.get("/assets/page-1a2b.js", headers={"If-None-Match": 'W/"other"'})
    assert changed.status_code == 200
    part = await client.get("/assets/page-1a2b.js", headers={"Range": "bytes=0-2047", "Accept-Encoding": "gzip"})
    assert (part.status_code, part.text) == (206, SCRIPT[:2048])


async def test_only_the_worker_of_the_segmentation_may_run_webassembly(client):
    reply = await client.get("/assets/segmentation_worker-1a2b.js")
    assert reply.headers["Content-Security-Policy"].endswith("; script-src 'self' 'wasm-unsafe-eval'")
    assert "wasm" not in (await client.get("/")).headers["Content-Security-Policy"]


async def test_every_response_has_security_and_cache_headers(client):
    for path in ("/", "/assets/page-1a2b.js", "/api/v1/preset", "/api/v1/nothing", "/nothing", "/docs"):
        reply = await client.get(path)
        policy = dict(part.split(" ", 1) for part in reply.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert path == "/docs" or "script-src" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/api/v1/nothing", 404, "there is nothing at /api/v1/nothing"),
        ("GET", "/api", 404, "there is nothing at /api"),
        ("GET", "/nothing.html", 404, "there is nothing at /nothing.html"),
        ("GET", "/../../etc/passwd", 404, "there is nothing at"),
        ("GET", "/%00", 404, "there is nothing at"),
        ("GET", "/api/v1/sessions/x/parameters", 405, "allowed: PATCH"),
        ("PUT", "/api/v1/sessions/x", 405, "PUT is not allowed at /api/v1/sessions/x; allowed: DELETE, GET, PATCH"),
        ("POST", "/api/v1/preset/", 405, "allowed: GET"),
        ("POST", "/", 405, "allowed: GET, HEAD"),
        ("DELETE", "/healthz", 405, "allowed: GET"),
    ],
)
async def test_unknown_paths_get_the_documented_error_shape(client, method, path, status, message):
    reply = await client.request(method, path)
    assert reply.status_code == status
    assert list(reply.json()) == ["detail"]
    assert message in reply.json()["detail"]["message"]
    if status == 405:
        assert reply.headers["Allow"] == message.partition("allowed: ")[2]


async def test_the_page_is_found_under_a_base_path(preset, static):
    async with client_of(make_app(preset, static=static, base_path="/live/studio")) as client:
        bare = await client.get("/live/studio")
        assert (bare.status_code, bare.headers["Location"]) == (308, "studio/")
        for path in ("/live/studio/", "/", "/live/studio/assets/page-1a2b.js", "/live/studio/api/v1/preset/"):
            assert (await client.get(path)).status_code == 200, path
        for path in ("/live/studiox/", "/studio/", "/live/"):
            assert (await client.get(path)).status_code == 404, path


async def test_a_missing_page_build_is_reported(preset, tmp_path):
    async with client_of(make_app(preset, static=tmp_path)) as client:
        reply = await client.get("/")
    assert reply.status_code == 503
    assert "make web" in reply.text


async def test_everything_works_under_a_proxy_s_path(preset):
    """Publish to a URL with and without a trailing slash, and follow all URLs in the responses."""
    port = free_port()
    with RunningServer(Settings(port=port, preset=preset, base_path=PATH), Echo()) as server:
        async with server.ready():
            for removes_path in (True, False):
                with Proxy(port, removes_path=removes_path) as proxy:
                    async with httpx2.AsyncClient(base_url=proxy.address, timeout=TIMEOUT_S) as client:
                        await publish_and_follow(client)


async def publish_and_follow(client: httpx2.AsyncClient) -> None:
    for path in ("/api/v1/whip", "/api/v1/whip/"):
        async with Publisher(client, "sub", path=path) as publisher:
            published = publisher.reply
            assert published.status_code == 201
            watch, same = [published.url.join(link) for link in re.findall("<([^>]+)>", published.headers["Link"])]
            assert watch == same
            assert (await client.get(watch)).status_code == 204
            assert (await client.delete(resource(published))).status_code == 200
            assert (await client.get(watch)).status_code == 404
