"""docker-compose.yml with coturn and Caddy: the page in Chromium on another machine of the network."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from harness.barcode import page_inside
from harness.browser import camera_flags, start, wait_until
from harness.camera import write_camera
from harness.compose import Compose
from harness.hub_server import hub_of_small_files
from harness.local import ROOT
from harness.namespaces import VethLink, unsupported_reason, veth_link
from harness.podman import Podman
from tests.deploy.stream import TOKENS
from tests.server.api.whip_client import ADMIN

Services = tuple[VethLink, Compose]
pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1800)]
IMAGES = {"caddy": "docker.io/library/caddy:2", "coturn": "docker.io/coturn/coturn:4.6"}
HOST = VethLink.server_address
SETTINGS = {**TOKENS, "LIPAR_TURN_SECRET": "turn-secret", "LIPAR_DOMAIN": HOST, "LIPAR_SIZE": "256x144"}
RELAY_ONLY = """
const Connection = window.RTCPeerConnection;
window.connections = [];
window.RTCPeerConnection = class extends Connection {
  constructor(options) { super({ ...options, iceTransportPolicy: "relay" }); window.connections.push(this); }
};
"""
LOCAL_CANDIDATES = """async () => {
  const pairs = [], candidates = {};
  for (const connection of window.connections)
    for (const report of (await connection.getStats()).values()) {
      if (report.type === "candidate-pair" && report.nominated) pairs.push(report.localCandidateId);
      if (report.type === "local-candidate") candidates[report.id] = report.candidateType;
    }
  return pairs.map(id => candidates[id]);
}"""
SESSIONS = """token => fetch("api/v1/sessions", { headers: { Authorization: `Bearer ${token}` } })
  .then(reply => reply.json())"""


@pytest.fixture(scope="module")
def images(podman: Podman, cpu_image: str) -> None:
    """Debian's Caddy and coturn under the names of docker-compose.yml."""
    folder = Path(__file__).parent
    for name, tag in IMAGES.items():
        podman.build(folder, tag, "--file", str(folder / f"{name}.Dockerfile"))


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_camera("webcam_desk.mp4", path, width=320, height=192, frames=60)
    return path


@contextmanager
def deployed(podman: Podman, folder: Path, **settings: str) -> Iterator[Services]:
    """The services in the server's namespace of a link."""
    with veth_link() as link:
        compose = Compose(podman, folder, SETTINGS | settings, link.server)
        try:
            compose.up()
            yield link, compose
        finally:
            compose.down()


@contextmanager
def page_at_client(chromium: Path, link: VethLink, camera: Path) -> Iterator[Page]:
    """A page on the other machine. Its browser does not know Caddy's certificate authority."""
    with page_inside(chromium, link, *camera_flags(camera), "--ignore-certificate-errors") as page:
        yield page


def curl(link: VethLink, *arguments: str) -> str:
    command = ["ip", "netns", "exec", link.client, "curl", "--silent", "--show-error", "--fail", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> None:
    if reason := unsupported_reason():
        pytest.fail(reason)


@pytest.fixture(scope="module")
def services(podman: Podman, images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("compose")
    with deployed(podman, folder, LIPAR_PRESET="tiny") as services:
        yield services


def test_caddys_certificate_and_its_redirect(services: Services, podman: Podman, tmp_path: Path) -> None:
    link, compose = services
    authority = tmp_path / "root.crt"
    certificate = "/data/caddy/pki/authorities/local/root.crt"
    authority.write_text(podman("exec", compose.container("caddy"), "cat", certificate))
    assert '"ok"' in curl(link, "--cacert", str(authority), f"https://{HOST}/healthz")
    redirect = curl(link, "--output", "/dev/null", "--write-out", "%{redirect_url}", f"http://{HOST}/")
    assert redirect == f"https://{HOST}/"


def test_the_caddyfile_accepts_an_email_address_for_an_automatic_certificate(podman: Podman, images: None) -> None:
    volume = f"--volume={ROOT / 'deploy' / 'Caddyfile'}:/etc/caddy/Caddyfile:ro"
    values = ("--env=LIPAR_DOMAIN=example.org", "--env=LIPAR_TLS=someone@example.org")
    validate = ("caddy", "validate", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile")
    podman("run", "--rm", "--network=host", volume, *values, IMAGES["caddy"], *validate)


def test_a_camera_is_edited_through_caddy_and_by_relay_only(services: Services, chromium: Path, camera: Path) -> None:
    link, _ = services
    with page_at_client(chromium, link, camera) as page:
        page.add_init_script(RELAY_ONLY)
        page.goto(f"https://{HOST}/#token={ADMIN}")
        start(page)
        wait_until(page, f"({SESSIONS})({ADMIN!r}).then(sessions => sessions[0].stats.counters.blocks > 5)")
        candidates = page.evaluate(LOCAL_CANDIDATES)
        assert candidates
        assert set(candidates) == {"relay"}


def test_a_direct_connection_under_a_path(
    podman: Podman, images: None, chromium: Path, camera: Path, tmp_path: Path
) -> None:
    settings = {"LIPAR_PRESET": "tiny", "LIPAR_BASE_PATH": "/studio"}
    with deployed(podman, tmp_path, **settings) as (link, _), page_at_client(chromium, link, camera) as page:
        page.goto(f"https://{HOST}/studio/#token={ADMIN}")
        start(page)
        wait_until(page, f"({SESSIONS})({ADMIN!r}).then(sessions => sessions[0].stats.counters.blocks > 5)")


def test_the_first_start_names_the_command_that_fetches_the_weights(
    podman: Podman, images: None, chromium: Path, camera: Path, tmp_path: Path
) -> None:
    """The page says it, and the command works; its files are a local hub's, of a few bytes."""
    settings = {"LIPAR_PRESET": "wan-1.3b", "LIPAR_SIZE": "832x480"}
    command = "docker compose run --rm lipar download wan-1.3b"
    with deployed(podman, tmp_path, **settings) as (link, _), page_at_client(chromium, link, camera) as page:
        page.goto(f"https://{HOST}/#token={ADMIN}")
        page.get_by_text(command).first.wait_for()
    hub = hub_of_small_files()
    try:
        mirrors = {"HF_ENDPOINT": hub.url, "LIPAR_TAEHV_URL": f"{hub.url}/raw/taew2_1.pth"}
        compose = Compose(podman, tmp_path, SETTINGS | settings | mirrors)
        compose(*command.split()[2:])
        verified = compose("run", "--rm", "lipar", "models", "verify", "wan-1.3b")
    finally:
        hub.shutdown()
        hub.server_close()
    assert verified.count("  ok") == len(hub.files)
    assert "DIFFERS" not in verified
