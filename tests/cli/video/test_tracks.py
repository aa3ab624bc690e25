"""Subtitles, chapters and tags are kept; the recording location only on request."""

import av
import pytest

from tests.cli.video.video_files import flat, make_video, reencode


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "mov_text"), (".mov", "mov_text"), (".mkv", "subrip"), (".webm", "webvtt")]
)
def test_subtitles_chapters_and_tags_are_kept(tmp_path, data, suffix, codec):
    out = reencode(data / "multi.mp4", tmp_path / f"out{suffix}")
    with av.open(str(out.path)) as container:
        (subtitles,) = container.streams.subtitles
        assert subtitles.codec_context.codec.canonical_name == codec
        texts = [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(subtitles) if p.size > 2]
        assert [time for time, _ in texts] == [pytest.approx(0.2, abs=2e-3)]
        assert b"Hello" in texts[0][1]
        (chapter,) = container.chapters()
        assert chapter["metadata"]["title"] == "One"
        assert float(chapter["end"] * chapter["time_base"]) == pytest.approx(0.5)
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["title"] == "My holiday"
        assert tags["creation_time"].startswith("2024-05-01T12:00:00")
        assert not [key for key in tags if "location" in key]
    assert "recording location left out (--keep-location keeps it)" in out.output_text
    assert b"48.1000" not in out.path.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_location_is_kept_on_request(tmp_path, data, suffix):
    out = reencode(data / "multi.mp4", tmp_path / f"out{suffix}", location=True)
    with av.open(str(out.path)) as container:
        assert [value for key, value in container.metadata.items() if key.lower().startswith("location")]
    assert "left out" not in out.output_text


def test_a_file_without_a_location_has_no_note(tmp_path):
    assert "place" not in reencode(make_video(tmp_path / "in.mkv", [flat((9, 9, 9))]), tmp_path / "out.mkv").output_text


def test_bitmap_subtitles_are_left_out_of_mp4_and_reported(tmp_path):
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "bgr0"
        pictures = container.add_mux_stream("hdmv_pgs_subtitle")
        frame = av.VideoFrame.from_ndarray(flat((9, 9, 9)), format="rgb24").reformat(format="bgr0")
        container.mux(video.encode(frame))
        packet = av.Packet(b"\x16\x00\x0b" + bytes(11) + b"\x80\x00\x00")  # an empty display set
        packet.stream, packet.pts, packet.dts, packet.duration = pictures, 0, 0, 10
        container.mux(packet)
        container.mux(video.encode(None))
    assert (
        "subtitles (hdmv_pgs_subtitle) left out: mp4 does not support bitmap"
        in reencode(path, tmp_path / "out.mp4").output_text
    )
    out = reencode(path, tmp_path / "out.mkv")
    with av.open(str(out.path)) as container:
        assert len(container.streams.subtitles) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_timecode_is_kept_if_it_supports_the_rate(tmp_path, suffix):
    for rate, kept in ((25, True), (300, False)):
        source = tmp_path / "in.mkv"
        make_video(source, [flat((9, 9, 9))] * 5, rate=rate, adjust=lambda s: s.metadata.update(timecode="01:00:00:00"))
        out = reencode(source, tmp_path / f"out{suffix}")
        assert len(out.frames) == 5
        with av.open(str(out.path)) as container:
            every = [container.metadata, *(stream.metadata for stream in container.streams)]
            assert ("01:00:00:00" in [value for tags in every for value in tags.values()]) is kept
        assert ("timecode left out" in out.output_text) is not kept


def test_other_pictures_are_reported(tmp_path):
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        for _ in range(2):
            video = container.add_stream("ffv1", rate=25)
            video.width, video.height, video.pix_fmt = 96, 64, "bgr0"
        for colour, video in zip(((9, 9, 9), (200, 9, 9)), container.streams.video, strict=True):
            frame = av.VideoFrame.from_ndarray(flat(colour), format="rgb24").reformat(format="bgr0")
            container.mux([*video.encode(frame), *video.encode(None)])
    out = reencode(path, tmp_path / "out.mkv")
    assert out.frames[0].max() < 15
    assert "1 further video track left out" in out.output_text


@pytest.mark.parametrize(
    ("given", "in_mov"),
    [("fre", "fra"), ("fra", "fra"), ("deu", "ger"), ("ger", "ger"), ("cze", "ces"), ("swe", "sve"), ("jpn", "jpn")],
)
def test_quicktime_keeps_the_language(tmp_path, given, in_mov):
    source = make_video(
        tmp_path / "in.mkv", [flat((9, 9, 9))], adjust=lambda stream: stream.metadata.update(language=given)
    )
    for suffix, code in ((".mov", in_mov), (".mkv", given)):
        with av.open(str(reencode(source, tmp_path / f"out{suffix}").path)) as container:
            assert container.streams.video[0].language == code
