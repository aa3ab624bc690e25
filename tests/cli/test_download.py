"""`lipar download` with Hugging Face's client against a local server."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from lipar_cli.main import main
from lipar_cli.weights.sources import sources
from tests.cli.lipar_command import LIPAR_COMMAND
from tests.cli.weights_folder import SELF_FORCING, TARGET, put_all

CHUNK = 10 * 2**20  # bytes that the client writes at a time
BIG = os.urandom(1000) * 25_000


COMMAND = [sys.executable, "-m", "lipar_cli.main", "download", "wan-1.3b"]


def download(*arguments, before=(), **environment):
    """Runs in a subprocess: the client reads its environment variables on import."""
    command, options = [*before, *COMMAND, *arguments], {"capture_output": True, "text": True, "timeout": 120}
    return subprocess.run(command, env=os.environ | environment, check=False, **options)


def rejection(*arguments, **options):
    done = download(*arguments, **options)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lipar: ")]
    return line


def assert_all_there(hub, folder):
    for source in sources():
        expected = hub.files[source.origin] if source.repo else hub.files["raw/taew2_1.pth"]
        assert (folder / source.target).read_bytes() == expected
    assert not list(folder.rglob("*.partial"))


def test_a_download_with_redirects_and_interruptions(hub, tmp_path, capsys):
    folder = tmp_path / "weights"
    planned = download("--dry-run")
    assert planned.returncode == 0, planned.stderr
    for source in sources():
        assert f"{source.target}  " in planned.stdout
        assert f"({source.licence})" in planned.stdout
    assert "0.00 GB to download" in planned.stdout or "kB to download" in planned.stdout
    assert "free there" in planned.stdout
    assert not folder.exists()

    hub.files[SELF_FORCING] = BIG
    hub.interruptions = 1  # of the first file: the client resumes it
    done = download(HF_TOKEN="hf_secret")
    assert done.returncode == 0, done.stderr
    assert_all_there(hub, folder)
    assert hub.transfers(f"storage/{SELF_FORCING}") == [None, f"bytes={CHUNK}-"]
    tokens = {(path.startswith(("storage/", "raw/")), token) for _, path, _, token in hub.requests}
    assert (False, "Bearer hf_secret") in tokens
    assert (True, "Bearer hf_secret") not in tokens, "the token is sent to the hub only"

    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest[TARGET]["sha256"] == hashlib.sha256(hub.files[SELF_FORCING]).hexdigest()
    assert manifest[TARGET]["licence"] == "CC BY-NC-SA 4.0: no commercial use"
    hub.requests.clear()
    again = download()
    assert f"{TARGET}  is present" in again.stdout
    assert not hub.requests
    assert main(["models", "verify"]) == 0
    assert f"{TARGET}  ok" in capsys.readouterr().out


def test_an_interrupted_download_resumes(hub, tmp_path):
    folder = tmp_path / "weights"
    hub.files[SELF_FORCING] = BIG
    hub.stall.set()
    command = [*LIPAR_COMMAND, *COMMAND[3:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not any(path.stat().st_size == CHUNK for path in folder.rglob("*.partial")):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    hub.stall.clear()
    hub.requests.clear()
    assert download().returncode == 0
    assert_all_there(hub, folder)
    assert hub.transfers(f"storage/{SELF_FORCING}") == [f"bytes={CHUNK}-"]


def test_a_server_without_ranges(hub, tmp_path):
    hub.supports_ranges, hub.interruptions = False, 1
    assert download().returncode == 0
    assert_all_there(hub, tmp_path / "weights")


def test_a_wrong_checksum_is_rejected(hub, tmp_path):
    hub.altered.add(SELF_FORCING)
    line = rejection()
    assert f"{TARGET}: the download has" in line
    assert hashlib.sha256(hub.files[SELF_FORCING]).hexdigest() in line
    assert not [path for path in (tmp_path / "weights").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "HF_TOKEN"), (404, "does not exist on the server (404)"), (503, "answered 503")],
)
def test_rejections_of_the_server(hub, status, message):
    if status == 401:
        hub.token = "hf_right"
    else:
        hub.statuses[SELF_FORCING] = status
    line = rejection("--dry-run", HF_TOKEN="hf_wrong")
    assert message in line
    assert f"{TARGET} from {SELF_FORCING}" in line
    assert "hf_wrong" not in line


def test_no_server(hub):
    hub.shutdown()
    hub.server_close()
    assert re.search(r"the connection to http\S+ failed .+; HF_ENDPOINT can name a mirror", rejection("--dry-run"))


def test_hugging_faces_cache_serves_offline(hub, tmp_path):
    """Files in the cache are used; in offline mode, missing ones are an error."""
    assert "HF_HUB_OFFLINE is set and the file is not in the cache" in rejection(HF_HUB_OFFLINE="1")
    for source in sources():
        if source.repo:
            put_in_cache(hub, tmp_path / "hf" / "hub", source)
    put_all(hub, tmp_path / "all")
    codec = "wan-1.3b/taew2_1.pth"
    entry = json.loads((tmp_path / "all" / "manifest.json").read_text())[codec]
    (tmp_path / "weights" / "wan-1.3b").mkdir(parents=True)
    shutil.copy(tmp_path / "all" / codec, tmp_path / "weights" / codec)
    (tmp_path / "weights" / "manifest.json").write_text(json.dumps({codec: entry}))
    done = download(HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert f"{TARGET}  from the cache" in done.stdout
    assert_all_there(hub, tmp_path / "weights")
    assert not hub.requests


def put_in_cache(hub, cache, source):
    repo = cache / f"models--{source.repo.replace('/', '--')}"
    blob = repo / "blobs" / hashlib.sha256(hub.files[source.origin]).hexdigest()
    link = repo / "snapshots" / ("a" * 40) / source.path
    for path in (blob, link, repo / "refs" / "main"):
        path.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(hub.files[source.origin])
    link.symlink_to(blob)
    (repo / "refs" / "main").write_text("a" * 40)


@pytest.mark.parametrize(
    ("size", "sizes", "message"),
    [
        ("100k", 300_000, "needed: LIPAR_WEIGHTS can name another disk"),
        ("20k", 100, "the disk is full"),  # enough for the bytes, but each file takes a page
    ],
)
def test_too_small_disks(hub, tmp_path, size, sizes, message):
    for name, data in hub.files.items():
        hub.files[name] = data[:sizes]
    folder = tmp_path / "weights"
    folder.mkdir()
    mount = f'mount -t tmpfs -o size={size} none {folder} && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    assert message in rejection(before=inside)


def test_a_bundled_preset_needs_nothing(capsys):
    assert main(["download", "tiny"]) == 0
    assert "nothing to download" in capsys.readouterr().out
