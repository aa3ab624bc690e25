"""Audio is copied if possible, else re-encoded, and never stops a run."""

import av
import numpy as np
import pytest

from tests.cli.video.video_files import flat, found, make_video, reencode, tone_of

FILM = [flat((90, 90, 90))] * 25


@pytest.mark.parametrize(
    ("codec", "rate", "layout", "suffix", "kept", "word"),
    [
        ("libopus", 48_000, "mono", ".mov", "aac", "re-encoded as aac"),  # listed by the muxer, rejected by its header
        ("libopus", 48_000, "mono", ".mp4", "opus", "copied"),
        ("libmp3lame", 8_000, "mono", ".mp4", "aac", "re-encoded as aac"),
        ("libmp3lame", 8_000, "mono", ".mkv", "mp3", "copied"),
        ("flac", 96_000, "5.1", ".mov", "aac", "re-encoded as aac"),
        ("flac", 96_000, "5.1", ".mp4", "flac", "copied"),
        ("tta", 44_100, "stereo", ".mp4", "aac", "re-encoded as aac"),
        ("wavpack", 44_100, "stereo", ".webm", "opus", "re-encoded as libopus"),
        ("ac3", 48_000, "5.1", ".mp4", "ac3", "copied"),
        ("eac3", 48_000, "stereo", ".mov", "eac3", "copied"),
        ("mp2", 48_000, "stereo", ".webm", "opus", "re-encoded as libopus"),
    ],
)
def test_copying_depends_on_the_muxer(tmp_path, codec, rate, layout, suffix, kept, word):
    source = make_video(tmp_path / "in.mkv", FILM, audio=codec, audio_rate=rate, layout=layout)
    out = reencode(source, tmp_path / f"out{suffix}")
    ((name, start, seconds),) = out.sounds
    assert name == kept
    assert word in out.output_text
    assert start == pytest.approx(0, abs=0.01)
    assert seconds == pytest.approx(1, abs=0.1)
    assert "0 damaged packets" in out.output_text
    assert out.times[0] == pytest.approx(0, abs=1e-3)


def test_frames_shorter_than_a_tick_are_not_damage(tmp_path, data):
    out = reencode(data / "truehd.mkv", tmp_path / "out.mkv")
    ((name, _, seconds),) = out.sounds
    assert (name, seconds) == ("truehd", pytest.approx(1, abs=0.002))
    assert "0 damaged packets" in out.output_text
    assert reencode(data / "truehd.mkv", tmp_path / "out.mp4").sounds[0][0] == "aac"


def test_sound_of_an_unknown_codec_is_left_out_and_reported(tmp_path):
    source = make_video(tmp_path / "in.mp4", FILM, codec="libx264", pix_fmt="yuv420p", audio="aac")
    source.write_bytes(source.read_bytes().replace(b"mp4a", b"napa").replace(b"esds", b"free"))
    for suffix in (".mp4", ".mkv", ".webm"):
        out = reencode(source, tmp_path / f"out{suffix}")
        assert len(out.frames) == 25
        assert out.sounds == []
        assert "audio left out: its codec is unknown to FFmpeg" in out.output_text


def transport_packets(path):
    data = path.read_bytes()
    return [data[i : i + 188] for i in range(0, len(data), 188)]


def pid(packet):
    return int.from_bytes(packet[1:3], "big") & 0x1FFF


def make_ts(path, **sound):
    return make_video(path, FILM, codec="libx264", pix_fmt="yuv420p", **sound)


def test_a_silent_audio_pid_is_left_out_and_reported(tmp_path):
    source = make_ts(tmp_path / "in.ts", audio="aac")
    source.write_bytes(b"".join(packet for packet in transport_packets(source) if pid(packet) != 0x101))
    for suffix in (".mp4", ".mkv"):
        out = reencode(source, tmp_path / f"out{suffix}")
        assert len(out.frames) == 25
        assert "audio (aac) left out: it has no data" in out.output_text


@pytest.mark.parametrize("second", [{"layout": "5.1"}, {"audio_rate": 32_000}, {"layout": "stereo"}])
def test_sound_that_changes_its_format_keeps_its_length(tmp_path, second):
    parts = [make_ts(tmp_path / f"{i}.ts", audio="aac", **sound).read_bytes() for i, sound in enumerate([{}, second])]
    (tmp_path / "in.ts").write_bytes(b"".join(parts))
    for suffix in (".mp4", ".mkv", ".webm"):
        out = reencode(tmp_path / "in.ts", tmp_path / f"out{suffix}")
        assert (
            "its format changes within the file" if suffix != ".webm" else "re-encoded as libopus"
        ) in out.output_text
        assert out.sounds[0][2] == pytest.approx(2, abs=0.12)
        assert len(out.frames) == 50


def test_lost_packets_of_a_transport_stream_do_not_stop_the_run(tmp_path):
    rng = np.random.default_rng(0)
    source = make_ts(tmp_path / "whole.ts", audio="aac")
    packets = transport_packets(source)
    for trial in range(6):
        kept = [packet for i, packet in enumerate(packets) if i < 10 or rng.random() > 0.05]
        (tmp_path / "in.ts").write_bytes(b"".join(kept))
        out = reencode(tmp_path / "in.ts", tmp_path / f"out{trial}.mp4")
        assert out.frames
        assert "damaged" in out.output_text


def test_gaps_become_silence(tmp_path):
    """Audio with a gap of half a second keeps its length when re-encoded."""
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "bgr0"
        tone = container.add_stream("pcm_s16le", rate=48_000)
        tone.codec_context.layout = "mono"
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(flat((9, 9, 9)), format="rgb24").reformat(format="bgr0")
            frame.pts = i
            container.mux(video.encode(frame))
            sound = tone_of(i, 48_000, 25, "mono")
            if i >= 25:
                sound.pts += 12 * 1920
            container.mux(tone.encode(sound))
        container.mux(video.encode(None))
    out = reencode(path, tmp_path / "out.mp4")
    ((_, start, seconds),) = out.sounds
    assert seconds == pytest.approx(2 + 12 / 25, abs=0.1)
    assert start == pytest.approx(0, abs=0.01)
    assert len(out.frames) == 50


def test_sound_trimmed_by_an_edit_list_stays_trimmed(tmp_path, data):
    """In `trimmed.mp4` an edit list starting at 1.2 s hides a click at 0.5 s and keeps one at 1.5 s."""
    for suffix in (".mkv", ".mp4", ".mov", ".webm"):
        out = reencode(data / "trimmed.mp4", tmp_path / f"out{suffix}")
        assert (len(out.frames), out.times[0]) == (20, pytest.approx(0, abs=1e-3))
        assert clicks(out.path) == [pytest.approx(0.3, abs=0.06)]
        assert out.sounds[0][2] == pytest.approx(0.8, abs=0.05)
        assert "announces" not in out.output_text
        assert "damaged frame" not in out.output_text


def clicks(path):
    """Times of all clicks in the file, including those hidden by an edit list."""
    options = {"ignore_editlist": "1"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), options=options) as container:
        loud = [f.time for f in container.decode(audio=0) if np.abs(f.to_ndarray().astype(float)).max() > 0.3]
    return [time for i, time in enumerate(loud) if i == 0 or time - loud[i - 1] > 0.1]


def test_the_trimmed_sound_is_in_the_file(data):
    """Checks that the test above can fail."""
    assert clicks(data / "trimmed.mp4") == [pytest.approx(0.5, abs=0.06), pytest.approx(1.5, abs=0.06)]


def test_every_track_is_kept_with_its_language_and_purpose(tmp_path, data):
    for suffix in (".mp4", ".mkv", ".mov", ".webm"):
        out = reencode(data / "multi.mp4", tmp_path / f"out{suffix}")
        assert len(out.sounds) == 2
        with av.open(str(out.path)) as container:
            assert [stream.language for stream in container.streams.audio] == [
                "eng",
                "ger" if suffix == ".mov" else "deu",  # QuickTime has the bibliographic codes
            ]
            assert [bool(stream.disposition & 1) for stream in container.streams.audio] == [False, True]


def test_found_reads_what_was_written(tmp_path):
    assert found(make_video(tmp_path / "in.mkv", FILM, audio="flac")).sounds == [("flac", 0.0, pytest.approx(1))]
