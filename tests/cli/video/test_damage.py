"""Damage is survived, counted and reported; undecodable files are rejected in one line."""

import av
import numpy as np
import pytest

from tests.cli.video.video_files import flat, make_video, moving, reencode


def test_a_video_of_an_unknown_codec_is_rejected_in_one_line(tmp_path, lipar, preset):
    source = make_video(tmp_path / "in.mp4", [flat((9, 9, 9))], codec="libx264", pix_fmt="yuv420p", audio="aac")
    source.write_bytes(source.read_bytes().replace(b"avc1", b"zzq1"))
    code, _, error_text = lipar("edit", source, "-o", tmp_path / "out.mp4", "-p", "x", "--preset", preset)
    assert (code, error_text) == (
        2,
        f"lipar: input {source}: its video is in a codec that this FFmpeg cannot decode\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {"x264-params": "slices=4"}), ("mpeg2video", {}), ("mpeg4", {})]
)
def test_concealed_damage_is_counted(tmp_path, codec, options):
    size = (176, 144)
    path = make_video(tmp_path / "in.mkv", moving(20, size), codec=codec, pix_fmt="yuv420p", options=options)
    whole = reencode(path, tmp_path / "whole.mkv", size=size)
    assert "damaged frame" not in whole.output_text
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.pos]
    noise = np.random.default_rng(0)
    for pos, length in (places[7], places[12]):
        start = pos + length * 3 // 4
        data[start : start + length // 10] = noise.integers(0, 256, length // 10, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    out = reencode(path, tmp_path / "out.mkv", size=size)
    assert len(out.frames) == 20
    assert "partly concealed" in out.output_text


def test_frames_lost_without_an_error_are_counted(tmp_path):
    """FFmpeg's MPEG-2 decoder drops its delayed frame when the size changes."""
    parts = b""
    for i, size in enumerate([(64, 48), (96, 64)]):
        part = make_video(tmp_path / f"{i}.ts", [flat((9, 9, 9), size)] * 5, codec="mpeg2video", pix_fmt="yuv420p")
        parts += part.read_bytes()
    (tmp_path / "in.ts").write_bytes(parts)
    out = reencode(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert f"{10 - len(out.frames)} damaged frame" in out.output_text
    assert len(out.frames) < 10
