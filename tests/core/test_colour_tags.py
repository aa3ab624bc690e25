import pytest

from lipar_core.colour_tags import BT601, BT709, BT2020, FULL, HLG, LIMITED, PQ, RGB, ColourTags, resolve_colour_tags


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ((640, 480), BT601),
        ((720, 576), BT601),
        ((1280, 534), BT709),  # a wide film in HD
        ((960, 720), BT709),
        ((720, 1280), BT709),  # upright
        ((3840, 2160), BT709),
    ],
)
def test_untagged_hd_is_bt709_and_sd_is_bt601(size, matrix):
    assert resolve_colour_tags(*size) == ColourTags(matrix, False, matrix, BT709)


@pytest.mark.parametrize(
    ("pixel_format", "colour_range", "full"),
    [
        ("yuv420p", 0, False),
        ("yuv420p", FULL, True),
        ("yuvj420p", 0, True),
        ("yuvj420p", LIMITED, False),
        ("nv12", 0, False),
        ("gray", 0, True),
        ("gray", LIMITED, False),
        ("rgb24", 0, True),
        ("gbrp10le", LIMITED, True),
    ],
)
def test_range(pixel_format, colour_range, full):
    assert resolve_colour_tags(64, 36, pixel_format, colour_range=colour_range).full_range is full


def test_tags_take_precedence_over_size():
    assert resolve_colour_tags(64, 36, matrix=BT709).matrix == BT709
    assert resolve_colour_tags(1920, 1080, matrix=BT601).matrix == BT601


def test_a_missing_tag_is_derived_from_the_others():
    assert resolve_colour_tags(64, 36, primaries=BT2020).matrix == BT2020
    assert resolve_colour_tags(64, 36, matrix=BT2020).primaries == BT2020
    assert resolve_colour_tags(1920, 1080, primaries=5).matrix == 5
    for transfer in (PQ, HLG):
        tags = resolve_colour_tags(64, 36, transfer=transfer)
        assert (tags.matrix, tags.primaries, tags.hdr) == (BT2020, BT2020, True)
    assert resolve_colour_tags(1920, 1080, "yuvj420p").matrix == BT601


@pytest.mark.parametrize("reserved", [0, 3])
def test_reserved_code_points_count_as_none(reserved):
    tags = resolve_colour_tags(1920, 1080, matrix=reserved, primaries=reserved, transfer=reserved)
    assert tags == ColourTags(BT709, False, BT709, BT709)


def test_rgb_has_no_matrix():
    assert resolve_colour_tags(64, 36, "bgra", matrix=BT709).matrix == RGB
