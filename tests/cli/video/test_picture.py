"""Pictures are converted as in a good player."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.cli.video.video_files import SIZE, flat, make_planes, make_video, reencode, set_display_matrix


@pytest.mark.parametrize("colour", [(250, 250, 250), (128, 128, 128), (200, 30, 60), (16, 16, 16)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "bgr0"])
def test_flat_colours_keep_their_brightness(tmp_path, colour, pix_fmt):
    source = make_video(tmp_path / "in.mkv", [flat(colour)], pix_fmt=pix_fmt)
    out = reencode(source, tmp_path / "out.mkv")
    with av.open(str(source)) as container:
        exact = _exact(next(container.decode(video=0)))
    neutral = len(set(colour)) == 1
    assert np.abs(out.frames[0].mean((0, 1)) - exact).max() < (1.1 if neutral else 2.5)  # two roundings to 8-bit YUV


def _exact(frame):
    """The mean colour of a BT.601 frame, by the equations."""
    if frame.format.is_rgb:
        return frame.to_ndarray(format="rgb24").mean((0, 1))
    planes = [np.frombuffer(plane, np.uint8)[0].astype(float) for plane in frame.planes]
    y, cb, cr = (planes[0] - 16) / 219, (planes[1] - 128) / 224, (planes[2] - 128) / 224
    return 255 * np.array([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]).clip(0, 1)


def test_the_output_has_colour_tags(tmp_path):
    for suffix in (".mp4", ".mkv", ".mov", ".webm"):
        out = reencode(make_video(tmp_path / "in.mkv", [flat((9, 99, 199))] * 2), tmp_path / f"out{suffix}")
        with av.open(str(out.path)) as container:
            frame = next(container.decode(video=0))
            assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
        assert np.abs(out.frames[0].mean((0, 1)) - (9, 99, 199)).max() < 3


def yuv(y, cb, cr, size=SIZE, dtype=np.uint8):
    half = (size[1] // 2, size[0] // 2)
    return [np.full(size[::-1], y, dtype), np.full(half, cb, dtype), np.full(half, cr, dtype)]


def test_matrix_and_range_are_those_of_the_tags(tmp_path):
    red_709, red_601, full_white = yuv(63, 102, 240), yuv(81, 90, 240), yuv(255, 128, 128)
    for planes, tags, colour in (
        (red_709, {"colorspace": 1, "color_range": 1}, (255, 0, 0)),
        (red_601, {"colorspace": 6, "color_range": 1}, (255, 0, 0)),
        (red_601, {"colorspace": 2}, (255, 0, 0)),  # untagged SD
        (full_white, {"colorspace": 1, "color_range": 2}, (255, 255, 255)),
        (yuv(235, 128, 128), {"colorspace": 1, "color_range": 2}, (235, 235, 235)),
    ):
        out = reencode(make_planes(tmp_path / "in.mkv", planes, "yuv420p", **tags), tmp_path / "out.mkv")
        assert np.abs(out.frames[0].mean((0, 1)) - colour).max() < 3, tags


def test_untagged_hd_is_bt709(tmp_path):
    planes = yuv(63, 102, 240, (1280, 720))
    out = reencode(make_planes(tmp_path / "in.mkv", planes, "yuv420p", colorspace=2), tmp_path / "out.mkv")
    assert np.abs(out.frames[0].mean((0, 1)) - (255, 0, 0)).max() < 3


def pq(nits):
    root = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375


@pytest.mark.parametrize(
    ("transfer", "signal", "level", "word"),
    [
        (16, pq(100), 245, "HDR (PQ)"),  # white
        (16, pq(25), 125, "HDR (PQ)"),
        (16, pq(1000), 255, "HDR (PQ)"),
        (18, 0.75, 253, "HDR (HLG)"),  # 203 nits, its reference white
        (14, 1.0, 255, "wide gamut (BT.2020)"),
        (14, 0.5, 128, "wide gamut (BT.2020)"),
    ],
)
def test_hdr_is_tone_mapped_and_reported(tmp_path, transfer, signal, level, word):
    planes = yuv(round(64 + 876 * signal), 512, 512, dtype=np.uint16)
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": transfer, "color_range": 1}
    out = reencode(make_planes(tmp_path / "in.mkv", planes, "yuv420p10le", **tags), tmp_path / "out.mkv")
    assert np.abs(out.frames[0].mean((0, 1)) - level).max() <= 3
    assert word in out.output_text


def test_saturated_hdr_keeps_its_hue(tmp_path):
    """BT.709's own blue at 100 nits, as BT.2020 PQ."""
    red, green, blue = (pq(100 * light) for light in (0.0433, 0.0114, 0.8956))
    y = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = yuv(64 + 876 * y, 512 + 896 * (blue - y) / 1.8814, 512 + 896 * (red - y) / 1.4746, dtype=np.uint16)
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}
    out = reencode(make_planes(tmp_path / "in.mkv", planes, "yuv420p10le", **tags), tmp_path / "out.mkv")
    red, green, blue = out.frames[0].mean((0, 1))
    assert blue > 220
    assert max(red, green) < 60


def aspect(stream, value):
    stream.codec_context.sample_aspect_ratio = value


@pytest.mark.parametrize(
    ("ratio", "turned", "shown"),
    [
        ((64, 45), False, (1024, 576)),
        ((4, 3), False, (960, 576)),
        ((64, 45), True, (576, 1024)),
        ((8, 9), False, (640, 576)),
    ],
)
def test_non_square_pixels_are_converted(tmp_path, ratio, turned, shown):
    """A box of 200x200 stored pixels must be as wide as the aspect ratio requires; rotated, as tall."""
    picture = flat((0, 0, 0), (720, 576))
    picture[188:388, 260:460] = 255
    value = Fraction(*ratio)
    source = tmp_path / "in.mp4"
    make_video(source, [picture], codec="libx264", pix_fmt="yuv420p", adjust=lambda stream: aspect(stream, value))
    if turned:
        set_display_matrix(source, (0, 1, -1, 0))
    out = reencode(source, tmp_path / "out.mkv", size=(256, 256), fit="fit")
    bright = out.frames[0].min(-1) > 128
    wide, tall = bright.any(0).sum(), bright.any(1).sum()
    assert wide / tall == pytest.approx(1 / value if turned else value, rel=0.06)
    assert f"{shown[0]}x{shown[1]} -> " in out.output_text


ORIENTATIONS = {
    (1, 0, 0, 1): lambda p: p,
    (-1, 0, 0, 1): lambda p: p[:, ::-1],
    (1, 0, 0, -1): lambda p: p[::-1],
    (-1, 0, 0, -1): lambda p: p[::-1, ::-1],
    (0, 1, -1, 0): lambda p: np.rot90(p, -1),
    (0, -1, 1, 0): lambda p: np.rot90(p, 1),
    (0, 1, 1, 0): lambda p: p.swapaxes(0, 1),
    (0, -1, -1, 0): lambda p: np.rot90(p, 2).swapaxes(0, 1),
}


EXIF = [
    (1, 0, 0, 1),
    (-1, 0, 0, 1),
    (-1, 0, 0, -1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, 1, -1, 0),
    (0, -1, -1, 0),
    (0, -1, 1, 0),
]


def corners():
    """A picture that every rotation and mirroring changes."""
    picture = flat((0, 0, 0), (64, 64))
    picture[:20, :40] = (250, 0, 0)
    picture[:10, 40:] = (0, 250, 0)
    picture[44:, :10] = (0, 0, 250)
    return picture


@pytest.mark.parametrize("linear", ORIENTATIONS)
def test_every_orientation_comes_out_upright(tmp_path, linear):
    make_video(tmp_path / "in.mp4", [corners()], codec="libx264rgb", pix_fmt="rgb24")
    out = reencode(set_display_matrix(tmp_path / "in.mp4", linear), tmp_path / "out.mkv", size=(64, 64))
    assert np.abs(out.frames[0].astype(int) - ORIENTATIONS[linear](corners())).mean() < 6


@pytest.mark.parametrize(("number", "linear"), list(enumerate(EXIF, 1)))
def test_photos_come_out_upright(tmp_path, number, linear):
    """A JPEG's orientation is in its EXIF data, which FFmpeg passes as side data of a type unknown to PyAV."""
    path = make_video(tmp_path / "in.jpg", [corners()], codec="mjpeg", pix_fmt="yuvj444p", options={"qmin": "1"})
    tags = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, number]) + bytes(6)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(tags) + 2).to_bytes(2, "big") + tags + data[2:])
    out = reencode(path, tmp_path / "out.mkv", size=(64, 64))
    assert np.abs(out.frames[0].astype(int) - ORIENTATIONS[linear](corners())).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("in.mov", "png", "rgba"),
        ("in.mkv", "ffv1", "yuva420p"),
        ("in.mov", "qtrle", "argb"),
        ("in.webm", "libvpx-vp9", "yuva420p"),
    ],
)
def test_transparency_is_over_black_and_reported(tmp_path, name, codec, pix_fmt):
    clear = make_video(tmp_path / name, [flat((200, 100, 50, 128))] * 2, codec=codec, pix_fmt=pix_fmt)
    out = reencode(clear, tmp_path / "out.mkv")
    assert np.abs(out.frames[0].mean((0, 1)) - (100, 50, 25)).max() < 5
    assert "transparent parts are shown over black" in out.output_text


def test_opaque_pictures_with_an_alpha_channel_are_not_called_transparent(tmp_path):
    opaque = make_video(tmp_path / "in.mov", [flat((200, 100, 50, 255))], codec="png", pix_fmt="rgba")
    assert "transparent" not in reencode(opaque, tmp_path / "out.mkv").output_text


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {"x264-params": "tff=1"}), ("libx264", {"x264-params": "bff=1"})]
)
def test_interlaced_film_is_deinterlaced_and_reported(tmp_path, codec, options):
    pictures = []
    for i in range(6):
        picture = flat((0, 0, 0), (64, 64))
        picture[0::2, 4 + 8 * i : 14 + 8 * i] = picture[1::2, 8 + 8 * i : 18 + 8 * i] = 255
        pictures.append(picture)
    source = make_video(tmp_path / "in.mkv", pictures, codec=codec, pix_fmt="yuv420p", options=options)
    out = reencode(source, tmp_path / "out.mkv", size=(64, 64))
    assert len(out.frames) == 6
    comb = [np.abs(p[1:-1] - (p[:-2] + p[2:]) / 2).max() for p in (f.mean(-1) for f in out.frames[1:-1])]
    assert max(comb) < 40
    assert "deinterlaced" in out.output_text
    assert "deinterlaced" not in reencode(make_video(tmp_path / "p.mkv", pictures), tmp_path / "out2.mkv").output_text


def test_picture_size_may_change_within_a_file(tmp_path):
    parts = b""
    for i, size in enumerate([(64, 48), (96, 64)]):
        part = make_video(tmp_path / f"{i}.ts", [flat((200, 100, 50), size)] * 5, codec="libx264", pix_fmt="yuv420p")
        parts += part.read_bytes()
    (tmp_path / "in.ts").write_bytes(parts)
    out = reencode(tmp_path / "in.ts", tmp_path / "out.mkv")
    assert len(out.frames) == 10
    for frame in out.frames:
        assert np.abs(frame.mean((0, 1)) - (200, 100, 50)).max() < 6
