"""Converts decoded frames to RGB pictures of the model's size with an FFmpeg filter graph."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from lipar_core.colour_tags import BT709, FULL, LIMITED, RGB, ColourTags
from lipar_core.parameters import Fit
from lipar_video.colour import KNOWN_MATRICES, LUT_SIDE, colour_lut, colour_tags_of, describe_colours, needs_lut
from lipar_video.geometry import FilterStep, Geometry, orientation_of

Picture = NDArray[np.uint8]  # [height, width, 3] RGB
# Without these flags swscale has errors of 2 levels of 255 and halves the chroma resolution.
SCALER_FLAGS = "flags=area+accurate_rnd+full_chroma_int+full_chroma_inp"
ALPHA_FORMATS = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv", "vuya")
DEINTERLACER_MIN = (3, 4)  # minimum width and height for bwdif


@dataclass(frozen=True, slots=True)
class _FrameFormat:
    """The properties of a frame that the filter graph depends on."""

    pixel_format: str
    geometry: Geometry
    tags: ColourTags
    interlaced: bool

    @property
    def has_alpha(self) -> bool:
        return self.pixel_format.startswith(ALPHA_FORMATS)


class PictureFilter:
    """Deinterlaces, composites over black, converts to BT.709 and square pixels, rotates upright, and scales.

    Returns one picture per frame, in order, immediately or (deinterlacing) one frame later.
    """

    def __init__(self, width: int, height: int, fit: Fit) -> None:
        self.width = width
        self.height = height
        self.fit = fit
        self.shown_size: tuple[int, int] | None = None  # of the newest frame
        self.notes: dict[str, None] = {}  # conversions applied, in order, without duplicates
        self._format: _FrameFormat | None = None
        self._graph: Graph | None = None
        self._source: FilterContext | None = None
        self._sink: FilterContext | None = None
        self._frames = 0
        self._interlaced = False  # stays True after the first interlaced frame

    def push(self, frame: av.VideoFrame, pixel_aspect: Fraction) -> Iterator[Picture]:
        """Add a frame; yields the finished pictures."""
        frame_format = self._frame_format(frame, pixel_aspect)
        if frame_format != self._format:
            yield from self.flush()
            self._build(frame_format)
        self._note_alpha(frame, frame_format)
        frame.pts = self._frames
        frame.time_base = Fraction(1)
        self._frames += 1
        assert self._source is not None
        self._source.push(frame)
        yield from self._pull()

    def flush(self) -> Iterator[Picture]:
        """Yield the remaining pictures."""
        if self._source is not None:
            self._source.push(None)
            yield from self._pull()
        self._format = self._graph = self._source = self._sink = None

    def _pull(self) -> Iterator[Picture]:
        assert self._sink is not None
        while True:
            try:
                picture = self._sink.pull()
            except (BlockingIOError, av.EOFError):
                return
            assert isinstance(picture, av.VideoFrame)
            yield np.asarray(picture.to_ndarray(), np.uint8)

    def _frame_format(self, frame: av.VideoFrame, pixel_aspect: Fraction) -> _FrameFormat:
        """The frame's format; sets the frame's missing tags."""
        tags = colour_tags_of(frame)
        frame.colorspace = tags.matrix if tags.matrix in KNOWN_MATRICES else BT709
        frame.color_range = FULL if tags.full_range else LIMITED
        frame.color_primaries = frame.color_trc = BT709  # so that the scaler does not convert them: the LUT does
        if frame.interlaced_frame and frame.width >= DEINTERLACER_MIN[0] and frame.height >= DEINTERLACER_MIN[1]:
            self._interlaced = True
        geometry = Geometry(frame.width, frame.height, pixel_aspect, orientation_of(frame))
        return _FrameFormat(frame.format.name, geometry, tags, self._interlaced)

    def _build(self, frame_format: _FrameFormat) -> None:
        geometry = frame_format.geometry
        before, (scaled_width, scaled_height), after = geometry.filter_steps(self.width, self.height, self.fit)
        steps: list[FilterStep] = []
        if frame_format.interlaced:
            steps.append(("bwdif", "mode=send_frame:deint=interlaced"))
            self.notes["interlaced: deinterlaced (bwdif)"] = None
        if frame_format.has_alpha:
            steps += [("scale", SCALER_FLAGS), ("format", "gbrap"), ("premultiply", "inplace=1")]
        steps += [*before, ("scale", f"w={scaled_width}:h={scaled_height}:{SCALER_FLAGS}")]
        use_lut = needs_lut(frame_format.tags)
        if use_lut:
            steps += [("format", "rgb48le"), ("haldclut", ""), ("scale", SCALER_FLAGS)]
        steps += [("format", "rgb24"), *after]
        if note := describe_colours(frame_format.tags):
            self.notes[note] = None
        self.shown_size = geometry.shown_size
        self._format = frame_format
        self._graph = Graph()
        self._connect(steps, frame_format)
        if use_lut:
            self._push_lut(frame_format.tags)

    def _connect(self, steps: list[FilterStep], frame_format: _FrameFormat) -> None:
        assert self._graph is not None
        matrix = frame_format.tags.matrix if frame_format.tags.matrix in KNOWN_MATRICES else BT709
        size = f"{frame_format.geometry.width}x{frame_format.geometry.height}"
        colours = f"colorspace={matrix}:range={FULL if frame_format.tags.full_range else LIMITED}"
        self._source = last = self._graph.add(
            "buffer", f"video_size={size}:pix_fmt={frame_format.pixel_format}:time_base=1/1:{colours}"
        )
        self._lut_input: FilterContext | None = None
        for name, arguments in steps:
            node = self._graph.add(name, arguments)
            last.link_to(node)
            if name == "haldclut":
                self._lut_input = self._add_lut_input(node)
            last = node
        self._sink = self._graph.add("buffersink")
        last.link_to(self._sink)
        self._graph.configure()

    def _add_lut_input(self, node: FilterContext) -> FilterContext:
        assert self._graph is not None
        side = LUT_SIDE
        source = self._graph.add(
            "buffer", f"video_size={side}x{side}:pix_fmt=rgb48le:time_base=1/1:colorspace={RGB}:range={FULL}"
        )
        source.link_to(node, 0, 1)
        return source

    def _push_lut(self, tags: ColourTags) -> None:
        assert self._lut_input is not None
        lut = colour_lut(tags.transfer, tags.primaries)
        lut.pts = self._frames
        lut.time_base = Fraction(1)
        self._lut_input.push(lut)
        self._lut_input.push(None)

    def _note_alpha(self, frame: av.VideoFrame, frame_format: _FrameFormat) -> None:
        note = "transparent parts are shown over black"
        if frame_format.has_alpha and note not in self.notes:
            alpha = np.asarray(frame.reformat(format="rgba").to_ndarray())[..., 3]
            if alpha.min() < 255:
                self.notes[note] = None
