"""The wheel in a fresh virtual environment, outside the checkout."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from harness.live_server import running_server
from harness.local import ROOT
from tests.deploy.stream import TOKENS, edited_blocks
from tests.server.api.whip_client import ADMIN, bearer

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def lipar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`lipar` of an installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pip = [str(folder / "venv" / "bin" / "pip"), "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *map(str, folder.glob("*.whl"))], cwd=folder, check=True)
    return folder / "venv" / "bin" / "lipar"


async def test_an_installed_wheel_serves_the_page_and_edits(
    lipar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with running_server(serve=(str(lipar), "serve"), cwd=tmp_path, environment=TOKENS) as server:
        page = httpx2.get(server.address)
        assert page.status_code == 200
        script = page.text.partition('src="')[2].partition('"')[0]
        assert httpx2.get(f"{server.address}/{script.removeprefix('./')}").status_code == 200
        preset = httpx2.get(f"{server.address}/api/v1/preset", headers=bearer(ADMIN)).json()
        assert preset["name"] == "tiny"
        assert any(style["picture"] for style in preset["styles"])
        for style in preset["styles"]:
            assert style["picture"] is None or httpx2.get(f"{server.address}/{style['picture']}").status_code == 200
        assert await edited_blocks(server.address)


def test_the_installed_package_is_not_the_checkout(lipar: Path, tmp_path: Path) -> None:
    code = "import lipar_core, server; print(lipar_core.__file__, server.__file__)"
    python = [str(lipar.with_name("python")), "-c", code]
    reply = subprocess.run(python, cwd=tmp_path, env={"PATH": ""}, check=True, capture_output=True, text=True)
    assert str(ROOT) not in reply.stdout
