"""Weights, disk and shared memory."""

import hashlib
from pathlib import Path

import pytest

from lipar_cli.checks.result import CheckStatus
from lipar_cli.checks.storage import check_shared_memory, download_bytes, judge_disk, judge_shared_memory
from lipar_cli.checks.weights import check_weights, judge_files
from lipar_cli.weights.manifest import Manifest, ManifestEntry
from lipar_core.presets import load_preset, with_text_dtype
from server.ring import FrameRing, ring_bytes
from tests.cli.checks.targets import target

OK, WARN, FAIL = CheckStatus.OK, CheckStatus.WARN, CheckStatus.FAIL


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """One downloaded file."""
    (tmp_path / "a.pt").write_bytes(b"weights")
    found = Manifest(tmp_path)
    sha256 = hashlib.sha256(b"weights").hexdigest()
    found.record("a.pt", ManifestEntry(size=7, sha256=sha256, origin="", revision="", licence=""))
    return found


def test_downloaded_files_are_compared_with_the_manifest(manifest):
    assert judge_files(manifest, ["a.pt"], read_all=True).status is OK
    unknown = judge_files(manifest, ["a.pt", "b.pt"], read_all=True)
    assert (unknown.status, "no checksum known: b.pt" in unknown.detail) == (WARN, True)


def test_a_changed_byte_is_found_by_reading_and_a_changed_size_without(manifest):
    path = manifest.folder / "a.pt"
    path.write_bytes(b"weighty")
    assert judge_files(manifest, ["a.pt"], read_all=False).status is OK
    assert judge_files(manifest, ["a.pt"], read_all=True).status is FAIL
    path.write_bytes(b"weight")
    assert "a.pt" in judge_files(manifest, ["a.pt"], read_all=False).detail


def test_missing_checkpoints_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    result = check_weights(target("wan-1.3b"))
    assert (result.status, result.remedy) == (FAIL, "`lipar download wan-1.3b` gets them")
    assert check_weights(target()).status is OK


def test_disk_space_for_missing_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    needed = download_bytes(load_preset("wan-1.3b"))
    assert needed == pytest.approx(1.419e9 * 6 + 11.36e9, rel=0.01)  # float32, its bfloat16 copy, UMT5-XXL
    int8 = download_bytes(with_text_dtype(load_preset("wan-1.3b"), "int8"))
    assert int8 - needed == pytest.approx(11.36e9 / 2, rel=0.01)  # its 8-bit copy
    assert judge_disk(tmp_path, needed, int(needed)).status is OK
    assert judge_disk(tmp_path, needed, int(needed) - 1).status is FAIL
    assert download_bytes(load_preset("tiny")) == 0


def test_shared_memory_is_what_the_rings_take():
    stream = load_preset("tiny").stream
    size = stream.width, stream.height, stream.frames_per_block
    ring = FrameRing(*size)
    try:
        assert ring_bytes(*size) == ring._frames.nbytes + ring._pts.nbytes
    finally:
        ring.close()
    assert judge_shared_memory(100, 100, 2).status is OK
    small = judge_shared_memory(100, 99, 2)
    assert (small.status, "shm-size" in small.remedy) == (FAIL, True)
    assert check_shared_memory(target()).status is OK
