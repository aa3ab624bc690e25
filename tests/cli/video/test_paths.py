"""Paths, signals and concurrent runs."""

import os
import resource
import signal
import stat
import threading
from pathlib import Path

import pytest

from lipar_core.errors import LiparError
from lipar_video.output_file import OutputFile
from tests.cli.video.video_files import flat, found, make_video, moving, reencode

FILM = [flat((90, 90, 90))] * 3


@pytest.fixture
def film(tmp_path):
    return make_video(tmp_path / "film.mp4", FILM, codec="libx264", pix_fmt="yuv420p", audio="aac")


@pytest.mark.parametrize(
    "name", ["a:b.mp4", "http:x.mp4", "pipe:0.mp4", "50%d.mp4", "a b'\"\\.mp4", "ü\u200b.mp4", "-o.mp4"]
)
def test_file_names_are_not_parsed_as_urls(tmp_path, monkeypatch, film, name):
    monkeypatch.chdir(tmp_path)
    film.rename(name)
    (tmp_path / "out").mkdir()
    assert len(reencode(Path(name), Path("out", name)).frames) == 3


def test_relative_names_with_a_colon(tmp_path, monkeypatch, film, lipar, preset):
    monkeypatch.chdir(tmp_path)
    film.rename("http:x.mp4")
    assert lipar("edit", "http:x.mp4", "-o", "crypto:y.mkv", "-p", "x", "--preset", preset)[0] == 0
    assert len(found(tmp_path / "crypto:y.mkv").frames) == 3


def test_file_names_of_the_maximum_length(film, lipar, preset, tmp_path):
    assert len(reencode(film, tmp_path / ("x" * 251 + ".mp4")).frames) == 3
    for source, out in ((film, tmp_path / ("x" * 252 + ".mp4")), (tmp_path / ("x" * 300 + ".mp4"), tmp_path / "o.mp4")):
        code, _, error_text = lipar("edit", source, "-o", out, "-p", "x", "--preset", preset)
        assert (code, len(error_text.splitlines())) == (2, 1)
        assert "File name too long" in error_text


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_a_pipe_is_read_completely(tmp_path, film, suffix):
    """An MP4's index is at its end: reading needs a seek."""
    if suffix == ".ts":
        film = make_video(tmp_path / "film.ts", FILM * 9, codec="libx264", pix_fmt="yuv420p")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(film.read_bytes()))
    feeder.start()
    out = reencode(pipe, tmp_path / "out.mkv")
    feeder.join()
    assert len(out.frames) == (27 if suffix == ".ts" else 3)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_dash_means_standard_input(tmp_path, film, lipar, preset):
    kept = os.dup(0)
    with film.open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        assert lipar("edit", "-", "-o", tmp_path / "out.mp4", "-p", "x", "--preset", preset)[0] == 0
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert len(found(tmp_path / "out.mp4").frames) == 3


def test_a_full_disk_is_a_one_line_error_without_leftovers(tmp_path, lipar, preset):
    """A file size limit, which causes the same errors as a full disk."""
    source = make_video(tmp_path / "in.mkv", moving(40), audio="flac")
    folder = tmp_path / "out"
    folder.mkdir()
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        code, _, error_text = lipar("edit", source, "-o", folder / "out.mp4", "-p", "x", "--preset", preset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (code, error_text) == (2, f"lipar: output {folder / 'out.mp4'}: cannot be written (File too large)\n")
    assert not list(folder.iterdir())


def test_an_empty_pipe_and_a_device_are_rejected(tmp_path, lipar, preset):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(b""))
    feeder.start()
    code, _, error_text = lipar("edit", pipe, "-o", tmp_path / "out.mp4", "-p", "x", "--preset", preset)
    feeder.join()
    assert (code, error_text) == (2, f"lipar: input {pipe}: the file is empty\n")
    code, _, error_text = lipar("edit", "/dev/zero", "-o", tmp_path / "out.mp4", "-p", "x", "--preset", preset)
    assert (code, error_text) == (2, "lipar: input /dev/zero: is a device or a socket, not a file or a pipe\n")


def test_symbolic_links_and_modes_are_kept(tmp_path, film, lipar, preset):
    (tmp_path / "real").mkdir()
    older = tmp_path / "real" / "older.mp4"
    older.write_bytes(b"older")
    older.chmod(0o640)
    link = tmp_path / "link.mp4"
    link.symlink_to(older)
    assert lipar("edit", film, "-o", link, "-p", "x", "--preset", preset)[0] == 0
    assert link.is_symlink()
    assert stat.S_IMODE(older.stat().st_mode) == 0o640
    assert len(found(older).frames) == 3
    assert [path.name for path in older.parent.iterdir()] == ["older.mp4"]


def test_a_new_file_has_the_mode_of_new_files(tmp_path, film, lipar, preset):
    before = os.umask(0o027)
    try:
        assert lipar("edit", film, "-o", tmp_path / "out.mp4", "-p", "x", "--preset", preset)[0] == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.mp4").stat().st_mode) == 0o640


def test_concurrent_runs_have_separate_temporary_files(tmp_path):
    first, second = OutputFile(tmp_path / "out.mp4"), OutputFile(tmp_path / "out.mp4")
    assert first.part != second.part
    first.part.write_bytes(b"first")
    second.part.write_bytes(b"second")
    first.publish()
    second.discard()
    assert (tmp_path / "out.mp4").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("kind", ["fifo", "ring"])
def test_an_output_that_is_not_a_file_is_rejected(tmp_path, kind):
    path = tmp_path / "out.mp4"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    with pytest.raises(LiparError, match=r"is not a file|cannot be written"):
        OutputFile(path)


def test_an_unwritable_folder_is_a_one_line_error(film, lipar, preset):
    """/proc is never writable."""
    code, _, error_text = lipar("edit", film, "-o", "/proc/out.mp4", "-p", "x", "--preset", preset)
    assert (code, len(error_text.splitlines())) == (2, 1)
    assert error_text.startswith("lipar: output /proc/out.mp4: cannot be written (")
    assert "22" not in error_text
