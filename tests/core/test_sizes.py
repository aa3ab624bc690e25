import pytest

from lipar_core.config import StreamConfig, StreamSection, resolve_stream
from lipar_core.errors import ConfigError, LiparError, ParameterError
from lipar_core.parsing import parse
from lipar_core.presets import load_preset
from lipar_core.sizes import live_candidates, size_name, size_names, with_size

TINY, WAN = load_preset("tiny"), load_preset("wan-1.3b")


def resolved(section: StreamSection) -> StreamConfig:
    return resolve_stream(section, TINY.codec, TINY.transformer)


def test_the_tiny_preset_has_three_sizes_in_both_orientations():
    assert size_names(TINY) == ["256x144", "416x240", "512x288", "144x256", "240x416", "288x512"]
    assert size_names(WAN) == ["832x480"]


def test_a_size_changes_the_picture_and_nothing_else():
    wide = with_size(TINY, "416x240")
    assert (wide.stream.rows, wide.stream.cols) == (15, 26)
    assert size_name(wide.stream) == "416x240"
    assert with_size(wide, size_name(TINY.stream)) == TINY
    assert with_size(wide, " 240X416 ") == with_size(TINY, "240x416")
    assert with_size(TINY, None) is TINY


@pytest.mark.parametrize("size", ["417x240", "416", "0x0", "", "416x240x3", "small"])
def test_an_unknown_size_is_rejected_with_the_known_ones(size):
    with pytest.raises(ParameterError, match=r"preset tiny has 256x144, 416x240, 512x288, 144x256"):
        with_size(TINY, size)
    with pytest.raises(ParameterError, match=r"wan-1.3b has 832x480 \(width x height\)"):
        with_size(WAN, size)


def test_live_sizes_have_the_preset_s_orientation_largest_first():
    assert live_candidates(TINY) == ["512x288", "416x240", "256x144"]
    assert live_candidates(with_size(TINY, "144x256")) == ["288x512", "240x416", "144x256"]
    assert live_candidates(WAN) == ["832x480"]


@pytest.mark.parametrize("size", [(416, 250), (416,), (0, 240), (416, 240, 3)])
def test_a_preset_with_an_impossible_size_is_rejected(size):
    with pytest.raises(LiparError, match=r"^stream\.sizes(\[1\] = |: )[\[(]"):
        resolved(parse({"width": 256, "height": 144, "sizes": [(256, 144), size]}, StreamSection, "stream"))


def test_the_default_size_must_be_in_the_list():
    with pytest.raises(ConfigError, match="256x144, the preset's default, is not among them"):
        resolved(StreamSection(width=256, height=144, sizes=((416, 240),)))
