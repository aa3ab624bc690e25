"""Frames keep their timestamps with every kind of container clock."""

from fractions import Fraction

import pytest

from tests.cli.video.video_files import flat, make_video, moving, reencode

GREY = flat((90, 90, 90))
SUFFIXES = (".mp4", ".mkv", ".mov", ".webm")
H264 = {"codec": "libx264", "pix_fmt": "yuv420p"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_negative_start_shifts_all_tracks(tmp_path, suffix):
    pts = [40 * i - 200 for i in range(10)]
    source = make_video(tmp_path / "in.mkv", [GREY] * 10, pts=pts, time_base=Fraction(1, 1000), audio="flac")
    out = reencode(source, tmp_path / f"out{suffix}")
    assert out.times == pytest.approx([0.04 * i for i in range(10)], abs=2e-3)
    assert out.sounds[0][1] == pytest.approx(0.2, abs=0.03)
    assert "all timestamps shifted by +0.200 s" in out.output_text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nanosecond_ticks_and_long_gaps(tmp_path, suffix):
    seconds = [0, 0.04, 0.08, 20, 20.04, 90]
    pts = [round(time * 1e9) for time in seconds]
    source = make_video(tmp_path / "in.nut", [GREY] * 6, pts=pts, time_base=Fraction(1, 10**9))
    assert reencode(source, tmp_path / f"out{suffix}").times == pytest.approx(seconds, abs=2e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_last_frame_keeps_its_duration(tmp_path, data, suffix):
    out = reencode(data / "last_long.gif", tmp_path / f"out{suffix}")
    assert out.times == pytest.approx([0, 0.1, 0.2], abs=2e-3)
    assert out.seconds == pytest.approx(3.2, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "codec", "rate"), [("in.h264", "libx264", 50), ("in.h264", "libx264", 60), ("in.m2v", "mpeg2video", 30)]
)
def test_elementary_streams_keep_their_rate(tmp_path, name, codec, rate):
    def reorder(stream):
        stream.codec_context.max_b_frames = 2

    source = make_video(tmp_path / name, moving(20), codec=codec, pix_fmt="yuv420p", rate=rate, adjust=reorder)
    out = reencode(source, tmp_path / "out.mp4")
    assert out.times == pytest.approx([i / rate for i in range(20)], abs=1e-3)
    assert out.seconds == pytest.approx(20 / rate, abs=2e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_raw_dv_keeps_its_rate(tmp_path, suffix):
    """FFmpeg reports the 60 kHz clock as the average rate."""
    film = [flat((90, 90, 90), (720, 576))] * 5
    source = make_video(
        tmp_path / "in.dv", film, codec="dvvideo", pix_fmt="yuv420p", audio="pcm_s16le", layout="stereo"
    )
    out = reencode(source, tmp_path / f"out{suffix}")
    assert out.times == pytest.approx([i / 25 for i in range(5)], abs=2e-3)
    assert "768x576 -> 96x64" in out.output_text


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_b_frames_in_avi(tmp_path, codec):
    def reorder(stream):
        stream.codec_context.max_b_frames = 2

    source = make_video(tmp_path / "in.avi", moving(20), codec=codec, pix_fmt="yuv420p", adjust=reorder)
    assert reencode(source, tmp_path / "out.mp4").times == pytest.approx([i / 25 for i in range(20)], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.ts", "libx264", "aac"), ("a.mpg", "mpeg2video", "mp2"), ("a.mkv", "libx264", "aac")],
)
def test_restarting_timestamps_get_one_offset(tmp_path, name, codec, sound):
    times = 2
    part = make_video(tmp_path / name, [GREY] * 25, codec=codec, pix_fmt="yuv420p", audio=sound)
    (tmp_path / f"in{part.suffix}").write_bytes(part.read_bytes() * times)
    out = reencode(tmp_path / f"in{part.suffix}", tmp_path / "out.mp4")
    frames = 25 * times
    assert len(out.frames) == frames
    steps = [later - sooner for sooner, later in zip(out.times, out.times[1:], strict=False)]
    assert steps == pytest.approx([0.04] * (frames - 1), abs=0.03)
    assert out.times[-1] - out.times[0] == pytest.approx((frames - 1) / 25, abs=0.05 * times)
    assert out.sounds[0][2] == pytest.approx(times, abs=0.06 * times)
    assert "timestamps restart" in out.output_text


def test_a_transport_stream_s_clock_wraps(tmp_path, data):
    """Its 33-bit clock wraps one second after the start, which FFmpeg reports as a negative start."""
    for suffix in (".mp4", ".mkv"):
        out = reencode(data / "ts_wrap.ts", tmp_path / f"out{suffix}")
        start, end = out.times[0], out.times[-1]
        assert (len(out.times), end - start) == (50, pytest.approx(49 / 25, abs=2e-3))
        assert 0 <= start < 0.05
        assert out.sounds[0][2] == pytest.approx(2, abs=0.06)


def test_a_truncated_file_differs_from_a_trimmed_one(tmp_path, data):
    assert "announces" not in reencode(data / "trimmed.mp4", tmp_path / "out.mkv").output_text


def test_a_start_after_zero_is_kept(tmp_path):
    source = make_video(tmp_path / "in.mkv", [GREY] * 5, pts=[50 + i for i in range(5)], time_base=Fraction(1, 25))
    for suffix in (".mp4", ".mkv"):
        assert reencode(source, tmp_path / f"out{suffix}").times[0] == pytest.approx(2, abs=1e-3)
