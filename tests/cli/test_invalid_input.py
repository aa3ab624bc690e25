"""Invalid input: one line with the reason, exit code 2, and no files left behind."""

import signal
import subprocess
import time

import pytest

from tests.cli.clips import make_clip, make_sound
from tests.cli.conftest import write_preset
from tests.cli.lipar_command import LIPAR_COMMAND


@pytest.fixture
def rejected(lipar, clip, preset, tmp_path):
    """`rejected(flags...)` runs `lipar edit`, which must fail; returns its one line."""
    folder = tmp_path / "out"
    folder.mkdir()

    def run(*flags, source=clip, output=folder / "out.mp4", prompt="a pencil sketch"):
        code, stdout, error_text = lipar("edit", source, "-o", output, "-p", prompt, "--preset", preset, *flags)
        assert (code, stdout) == (2, "")
        assert len(error_text.splitlines()) == 1
        assert error_text.startswith("lipar")
        assert not list(folder.iterdir())
        return error_text

    return run


def test_an_input_that_is_no_video_is_rejected(tmp_path, rejected):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "folder.mp4").mkdir()
    assert "missing.mp4: no such file" in rejected(source=tmp_path / "missing.mp4")
    assert "empty.mp4: the file is empty" in rejected(source=tmp_path / "empty.mp4")
    assert "noise.mp4: not a video file" in rejected(source=tmp_path / "noise.mp4")
    assert "folder.mp4: is a folder" in rejected(source=tmp_path / "folder.mp4")
    assert "there is no video in it" in rejected(source=make_sound(tmp_path / "sound.m4a"))


def test_a_video_without_a_whole_frame_is_rejected(tmp_path, rejected):
    """The output is already open: it must be removed."""
    clip = make_clip(tmp_path / "in.mov", 2, codec="png", pix_fmt="rgb24")
    clip.write_bytes(clip.read_bytes().replace(b"IHDR", b"XXXX"))
    assert "no frame of its video could be decoded" in rejected(source=clip)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--tau", -1), "--tau = -1.0: must be a finite number, >= 0 and <= 2"),
        (("--tau=-1",), "--tau = -1.0: must be a finite number, >= 0 and <= 2"),
        (("--tau", "nan"), "--tau = nan: must be a finite number"),
        (("--tau", "much"), "argument --tau: invalid float value: 'much'"),
        (("--tau2", 5), "--tau2 = 5.0: must be a finite number, >= 0 and <= 4"),
        (("--min-keep", 2), "--min-keep = 2.0: must be a finite number, >= 0 and <= 1"),
        (("--max-age", -1), "--max-age = -1: must be a whole number, >= 0 and <= 1000"),
        (("--strength", 1.5), "--strength = 1.5: must be a finite number, >= 0 and <= 1"),
        (("--denoising-steps", 100, 200), "--denoising-steps = [100, 200]: must be decreasing"),
        (("--denoising-steps", 1000), "--denoising-steps = 1000: must be a whole number, >= 1 and <= 999"),
        (("--denoising-steps", 100, "--strength", 0.5), "cannot be set together"),
        (("--seed", -1), "--seed = -1: must be a whole number, >= 0"),
        (("--threads", 0), "--threads = 0: must be at least 1"),
        (("--crf", 52), "--crf = 52: must be 0 to 51"),
        (("--device", "toaster"), "device = 'toaster': must be cpu, cuda or cuda:N"),
        (("--device", "cuda:99"), "device = 'cuda:99': this machine has "),
        (("--fit", "squeeze"), "invalid choice: 'squeeze'"),
        (("--preset", "unknown"), "preset 'unknown' is unknown: choose one of tiny, "),
    ],
)
def test_values_out_of_range_are_rejected(rejected, flags, words):
    assert words in rejected(*flags)


@pytest.mark.parametrize(("prompt", "words"), [("", "has 0"), ("  ", "white space"), ("x" * 3000, "has 3000")])
def test_prompts_have_their_length(rejected, prompt, words):
    error_text = rejected(prompt=prompt)
    assert words in error_text
    assert len(error_text) < 200


def test_an_impossible_output_is_rejected(tmp_path, clip, rejected):
    (tmp_path / "folder.mp4").mkdir()
    assert "does not exist" in rejected(output=tmp_path / "none" / "out.mp4")
    assert "is a folder" in rejected(output=tmp_path / "folder.mp4")
    assert "must end in .mp4, .mkv, .mov, .webm" in rejected(output=tmp_path / "out.gif")
    assert "is the input file" in rejected(output=clip)


def test_the_input_under_another_name_is_not_overwritten(tmp_path, clip, rejected):
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    assert "is the input file" in rejected(output=tmp_path / "link.mp4")
    assert clip.read_bytes() == before


@pytest.mark.parametrize("size", [0, 7, 5000])
def test_a_corrupt_checkpoint_is_rejected(tmp_path, rejected, size):
    broken = write_preset(tmp_path, "broken")
    bundle = tmp_path / "broken.safetensors"
    bundle.write_bytes(bundle.read_bytes()[:size])
    assert f"checkpoint {bundle}: " in rejected("--preset", broken)


def test_a_failed_run_keeps_an_existing_output(tmp_path, lipar, clip, preset):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"older")
    bad = tmp_path / "in.mov"
    make_clip(bad, 2, codec="png", pix_fmt="rgb24")
    bad.write_bytes(bad.read_bytes().replace(b"IHDR", b"XXXX"))
    assert lipar("edit", bad, "-o", out, "-p", "sketch", "--preset", preset)[0] == 2
    assert out.read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mov", "out.mp4"]


def test_debug_shows_where_it_came_from(tmp_path, lipar, preset):
    with pytest.raises(ValueError, match="no such file"):
        lipar("--debug", "edit", tmp_path / "none.mp4", "-o", tmp_path / "o.mp4", "-p", "x", "--preset", preset)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("long") / "in.mp4", 4000, size=(32, 32))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_leaves_nothing(tmp_path, preset, long_clip, number):
    """Interrupted while writing: exit code 130, one word, no file."""
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*LIPAR_COMMAND, "edit", long_clip, "-o", folder / "out.mp4", "-p", "x", "--preset", preset]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 60
        while not list(folder.iterdir()):
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        run.send_signal(number)
        _, error_text = run.communicate(timeout=60)
    assert (run.returncode, error_text) == (130, "stopped\n")
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), "COMMAND"),
        (("dance",), "invalid choice: 'dance'"),
        (("edit", "in.mp4"), "-o/--output, -p/--prompt"),
        (("bench", "--preset", "unknown"), "preset 'unknown' is unknown"),
        (("bench", "--blocks", 1), "--blocks = 1: must be at least 4"),
        (("bench", "--threads", 0), "--threads = 0: must be at least 1"),
        (("bench", "--media", "/no/such"), "no .mp4 file there"),
        (("bench", "--json", "/no/such/file.json"), "the folder /no/such does not exist"),
        (("bench", "--device", "toaster"), "device = 'toaster'"),
        (("verify", "--device", "toaster", "x"), "device = 'toaster'"),
        (("verify",), "give either golden files, or --against DTYPE"),
        (("verify", "--against", "float32", "--blocks", 0), "--blocks = 0: must be at least 1"),
        (("verify", "--against", "float8"), "dtype = 'float8': must be auto"),
        (("serve", "--preset", "unknown"), "preset 'unknown' is unknown"),
        (("serve", "--preset", "tiny", "--size", "640x480"), "preset tiny has 256x144, 416x240, 512x288"),
        (("bench", "--preset", "tiny", "--size", "big"), "preset tiny has 256x144, 416x240, 512x288"),
        (("eval", "--preset", "wan-1.3b", "--size", "256x144"), "preset wan-1.3b has 832x480 (width x height)"),
        (
            ("serve", "--preset", "tiny", "--port", 99999),
            "port = 99999: must be a whole number",
        ),
        (("serve", "--preset", "tiny", "--host", "0.0.0.0"), "--tls-cert"),
        (("serve", "--preset", "tiny", "--tls-cert", "/no.pem", "--tls-key", "/no.pem"), "/no.pem"),
    ],
)
def test_every_command_reports_usage_errors_in_one_line(lipar, command, words):
    code, stdout, error_text = lipar(*command)
    assert (code, stdout) == (2, "")
    assert len(error_text.splitlines()) == 1
    assert words in error_text
