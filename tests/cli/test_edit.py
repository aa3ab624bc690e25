from fractions import Fraction

import av
import numpy as np
import pytest

from tests.cli.clips import make_clip, read, rotate_90


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 13])
def test_frame_count_and_timestamps_are_preserved(tmp_path, edit, frames):
    source = make_clip(tmp_path / "in.mp4", frames)
    out, stdout = edit(source)
    assert read(out).times == pytest.approx(read(source).times)
    assert len(read(out).times) == frames
    assert f"{frames} frames, " in stdout


@pytest.mark.parametrize("out", ["out.mp4", "out.mkv", "out.webm"])
def test_irregular_timestamps_are_kept(tmp_path, edit, out):
    pts = [0, 40, 55, 130, 131, 500, 533, 1700, 1733, 1766, 9000]
    source = make_clip(tmp_path / "in.mkv", len(pts), pts=pts, time_base=Fraction(1, 1000))
    assert read(edit(source, out=out)[0]).times == pytest.approx([stamp / 1000 for stamp in pts], abs=1e-3)


def test_edits_are_reproducible(tmp_path, clip, edit):
    runs = []
    for _ in range(2):
        out, _ = edit(clip, "--crf", 0)  # lossless: at other settings x264's choices depend on how its threads run
        runs.append(np.stack(read(out).frames).astype(int))
        out.unlink()
    assert (runs[0] == runs[1]).all()
    assert np.abs(runs[0] - np.stack(read(clip).frames)).mean() > 5


@pytest.mark.parametrize(
    ("source_name", "source_codec", "out", "codec", "word"),
    [
        ("in.mp4", "aac", "out.mp4", "aac", "copied"),
        ("in.mp4", "aac", "out.mkv", "aac", "copied"),
        ("in.mkv", "aac", "out.mov", "aac", "copied"),
        ("in.mkv", "libopus", "out.webm", "opus", "copied"),
        ("in.mkv", "libmp3lame", "out.mp4", "mp3", "copied"),
        ("in.mov", "pcm_s16le", "out.mkv", "pcm_s16le", "copied"),
        ("in.mkv", "flac", "out.mp4", "flac", "copied"),
        ("in.mkv", "pcm_s16le", "out.mov", "aac", "re-encoded as aac"),
        ("in.mkv", "pcm_s16le", "out.mp4", "aac", "re-encoded as aac"),
        ("in.mkv", "pcm_s16le", "out.webm", "opus", "re-encoded as libopus"),
        ("in.mp4", "aac", "out.webm", "opus", "re-encoded as libopus"),
        ("in.mkv", "libmp3lame", "out.webm", "opus", "re-encoded as libopus"),
    ],
)
def test_audio_is_kept(tmp_path, edit, source_name, source_codec, out, codec, word):
    source = make_clip(tmp_path / source_name, 25, audio=source_codec)
    path, stdout = edit(source, out=out)
    result = read(path)
    assert result.audio_codec == codec
    assert result.audio_seconds == pytest.approx(1, abs=0.06)  # codecs pad by a packet or two
    assert word in stdout


def test_surround_sound_fits_into_webm(tmp_path, edit):
    source = make_clip(tmp_path / "in.mkv", 5, audio="flac", channels="5.1")
    assert read(edit(source, out="out.webm")[0]).audio_codec == "opus"


def test_a_silent_clip_stays_silent(tmp_path, edit):
    out, stdout = edit(make_clip(tmp_path / "in.mp4"))
    assert read(out).audio_codec is None
    assert "no audio" in stdout


@pytest.mark.parametrize("fit", ["crop", "fit", "stretch"])
@pytest.mark.parametrize("size", [(17, 9), (34, 1000), (1000, 2), (1, 1), (320, 180)])
def test_any_size_is_edited(tmp_path, edit, size, fit):
    source = make_clip(tmp_path / "in.mkv", 2, size=size, codec="ffv1", pix_fmt="bgr0")
    out, stdout = edit(source, "--fit", fit)
    assert read(out).frames[0].shape == (64, 96, 3)
    assert f"{size[0]}x{size[1]} -> 96x64" in stdout


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [("ffv1", "gray"), ("ffv1", "gray10le"), ("libx264", "yuv420p10le"), ("ffv1", "yuv444p16le"), ("ffv1", "bgra")],
)
def test_any_pixel_format_is_edited(tmp_path, edit, codec, pix_fmt):
    source = make_clip(tmp_path / "in.mkv", 5, codec=codec, pix_fmt=pix_fmt)
    assert len(read(edit(source)[0]).frames) == 5


@pytest.mark.parametrize("out", ["out.mp4", "out.mkv", "out.mov", "out.webm", "OUT.MP4"])
def test_containers(clip, edit, out):
    result = read(edit(clip, out=out)[0])
    assert len(result.frames) == 9
    assert result.codec == ("vp9" if out.endswith("webm") else "h264")


def test_a_phone_s_upright_video_is_edited_upright(tmp_path, edit):
    """The source of --side-by-side shows how the picture went in."""
    source = rotate_90(make_clip(tmp_path / "in.mp4", 2, size=(64, 96)))
    out, stdout = edit(source, "--side-by-side", "--crf", 0, out="out.mkv")
    upright = np.rot90(read(source).frames[0], -1).astype(int)
    assert np.abs(read(out).frames[0][:, :96] - upright).mean() < 8
    assert "96x64 -> 96x64, scaled" in stdout


def test_side_by_side_has_the_source_on_the_left(clip, edit):
    out, plain = read(edit(clip, "--side-by-side", "--crf", 1, out="a.mkv")[0]), read(clip)
    assert out.frames[0].shape == (64, 192, 3)
    for both, source in zip(out.frames, plain.frames, strict=True):
        assert np.abs(both[:, :96].astype(int) - source).mean() < 8


def test_the_change_of_size_is_reported(tmp_path, edit):
    wide = make_clip(tmp_path / "in.mp4", 1, size=(160, 64))
    words = {"crop": "cropped", "fit": "bars", "stretch": "stretched"}
    for fit, word in words.items():
        assert word in edit(wide, "--fit", fit)[1]
    assert "96x64 -> 96x64, scaled\n" in edit(make_clip(tmp_path / "same.mp4", 1))[1]


def test_bars_are_black_and_a_crop_is_of_the_middle(tmp_path, edit):
    wide = make_clip(tmp_path / "in.mkv", 1, size=(192, 64), codec="ffv1", pix_fmt="bgr0")
    barred = read(edit(wide, "--fit", "fit", "--side-by-side", "--crf", 0, out="a.mkv")[0]).frames[0][:, :96]
    assert barred[:14].max() < 12
    assert barred[-14:].max() < 12
    assert barred[20:40].mean() > 40


def test_wide_frames_are_cropped_around_the_centre(tmp_path, edit):
    wide = make_clip(tmp_path / "in.mkv", 1, size=(192, 64), codec="ffv1", pix_fmt="bgr0")
    cut = read(edit(wide, "--side-by-side", "--crf", 0, out="a.mkv")[0]).frames[0][:, :96].astype(int)
    assert np.abs(cut - read(wide).frames[0][:, 48:144]).mean() < 8


@pytest.mark.parametrize("flags", [("--no-pruning",), ("--tau", 0)])
def test_everything_is_computed_without_pruning(clip, edit, flags):
    assert "100% of tokens computed" in edit(clip, *flags)[1]


def test_no_token_is_older_than_max_age(tmp_path, edit):
    clip, still = make_clip(tmp_path / "in.mp4", 40), ("--tau", 2, "--tau2", 4)
    assert (
        " 9% of tokens computed" in edit(clip, *still)[1]
    )  # the first of eleven blocks: one more for the decoder's lag
    (tmp_path / "out" / "out.mp4").unlink()
    assert " 55% of tokens computed" in edit(clip, *still, "--max-age", 2)[1]


def test_a_high_threshold_reuses(clip, edit):
    stdout = edit(clip, "--tau", 2, "--tau2", 4)[1]
    ratio = int(stdout.split("% of tokens")[0].split()[-1])
    assert ratio < 100


def test_the_overlay_is_orange_where_computed_and_blue_where_reused(tmp_path, edit):
    source = make_clip(tmp_path / "in.mp4", 8)
    flags = ("--crf", 0, "--tau", 2, "--tau2", 4)
    plain = np.stack(read(edit(source, *flags, out="a.mkv")[0]).frames).astype(int)
    (tmp_path / "out" / "a.mkv").unlink()
    tint_by_keep_mask = np.stack(read(edit(source, *flags, "--overlay", out="a.mkv")[0]).frames).astype(int)
    (tmp_path / "out" / "a.mkv").unlink()
    change = (tint_by_keep_mask - plain * 0.7).mean(axis=(1, 2))  # [frames, 3]: 0.3 of the tint
    assert np.abs(change[0] - 0.3 * np.array([255, 120, 0])).max() < 12  # the first block is always computed
    assert np.abs(change[-1] - 0.3 * np.array([0, 120, 255])).max() < 12  # no change exceeds such thresholds


def test_the_summary_names_every_stage(clip, edit):
    stdout = edit(clip)[1]
    assert "9 frames, " in stdout
    for word in (" fps", "of tokens computed", "encode", "detect", "denoise", "decode", "clean", "audio (aac) copied"):
        assert word in stdout


@pytest.mark.parametrize(
    "flags",
    [
        ("--strength", 0),
        ("--strength", 1),
        ("--denoising-steps", 700, 300),
        ("--seed", 7),
        ("--no-recovery", "--min-keep", 0.5),
    ],
)
def test_every_parameter_has_its_flag(clip, edit, flags):
    assert len(read(edit(clip, *flags)[0]).frames) == 9


def test_a_truncated_file_is_edited_to_its_end(tmp_path, edit):
    whole = make_clip(tmp_path / "whole.mkv", 50, size=(320, 180))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out, stdout = edit(cut)
    assert 0 < len(read(out).frames) < 50
    assert f"{len(read(out).frames)} frames" in stdout


def test_damaged_packets_are_skipped_and_reported(tmp_path, edit):
    whole = make_clip(tmp_path / "whole.mov", 12, codec="png", pix_fmt="rgb24")
    data = bytearray(whole.read_bytes())
    starts = [i for i in range(len(data)) if data[i : i + 4] == b"IHDR"]
    assert len(starts) == 12
    data[starts[5] : starts[5] + 12] = b"XXXX" + bytes(8)
    whole.write_bytes(data)
    out, stdout = edit(whole)
    assert len(read(out).frames) == 11
    assert "1 damaged input packet was skipped" in stdout


def test_damaged_sound_does_not_stop_the_picture(tmp_path, edit):
    clip = make_clip(tmp_path / "in.mkv", 25, audio="libmp3lame")
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        places = [(p.pos, p.size) for p in container.demux(audio=0) if p.pos is not None and p.size > 100]
    for pos, size in places[3:6]:
        data[pos + 8 : pos + size] = b"\xff" * (size - 8)
    clip.write_bytes(data)
    assert len(read(edit(clip, out="out.webm")[0]).frames) == 25


def test_a_file_that_ends_early_is_edited_and_reported(tmp_path, edit):
    clip = make_clip(tmp_path / "in.mp4", 30, audio="aac", options={"movflags": "faststart"})  # the index comes first
    data = clip.read_bytes()
    film = data.index(b"mdat")
    clip.write_bytes(data[: (film + len(data)) // 2])
    out, stdout = edit(clip)
    result = read(out)  # without the truncated packet
    assert 0 < len(result.frames) < 30
    assert 0 < result.audio_seconds < 1.2
    assert f"the input's header announces 30 frames, {len(result.frames)} were found" in stdout


def test_what_is_not_read_of_a_prompt_is_reported(clip, edit):
    _, stdout = edit(clip, "--prompt", " ".join(["watercolour robot"] * 40))
    assert "the prompt was truncated: the first 64 of its 80 words were used" in stdout
    assert "the model does not know 'robot': unknown words change little or nothing" in stdout
