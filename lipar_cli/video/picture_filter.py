"""Decoded frames as RGB pictures of the model's size, by a filter graph of FFmpeg."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from lipar_cli.video.colour import KNOWN_MATRICES, TABLE_SIDE, colour_table, describe_colours, needs_table, tags_of
from lipar_cli.video.geometry import FilterStep, Fit, Geometry, orientation_of
from lipar_core.colour_tags import BT709, FULL, LIMITED, RGB, ColourTags

Picture = NDArray[np.uint8]  # [height, width, 3] RGB
# Without these flags swscale loses 2 of 255 and half of the colours' sharpness.
EXACT = "flags=area+accurate_rnd+full_chroma_int+full_chroma_inp"
ALPHA_FORMATS = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv", "vuya")
DEINTERLACER_MIN = (3, 4)  # width and height that bwdif needs


@dataclass(frozen=True, slots=True)
class _Shape:
    """All of a frame that the graph depends on."""

    pixel_format: str
    geometry: Geometry
    tags: ColourTags
    interlaced: bool

    @property
    def has_alpha(self) -> bool:
        return self.pixel_format.startswith(ALPHA_FORMATS)


class PictureFilter:
    """Deinterlaced, composited over black, in BT.709, with square pixels, upright and of one size.

    One picture comes out for each frame, in order, at once or (deinterlacing) one frame later.
    """

    def __init__(self, width: int, height: int, fit: Fit) -> None:
        self.width, self.height, self.fit = width, height, fit
        self.shown_size: tuple[int, int] | None = None  # of the newest frame
        self.notes: dict[str, None] = {}  # what was done to the pictures, in order, each once
        self._shape: _Shape | None = None
        self._graph: Graph | None = None
        self._source: FilterContext | None = None
        self._sink: FilterContext | None = None
        self._frames = 0
        self._interlaced = False  # once a frame was

    def push(self, frame: av.VideoFrame, pixel_aspect: Fraction) -> Iterator[Picture]:
        """Take a frame; gives the pictures that are ready."""
        shape = self._shape_of(frame, pixel_aspect)
        if shape != self._shape:
            yield from self.flush()
            self._build(shape)
        self._note_alpha(frame, shape)
        frame.pts, frame.time_base = self._frames, Fraction(1)
        self._frames += 1
        assert self._source is not None
        self._source.push(frame)
        yield from self._pull()

    def flush(self) -> Iterator[Picture]:
        """The rest of the pictures."""
        if self._source is not None:
            self._source.push(None)
            yield from self._pull()
        self._shape = self._graph = self._source = self._sink = None

    def _pull(self) -> Iterator[Picture]:
        assert self._sink is not None
        while True:
            try:
                picture = self._sink.pull()
            except (BlockingIOError, av.EOFError):
                return
            assert isinstance(picture, av.VideoFrame)
            yield np.asarray(picture.to_ndarray(), np.uint8)

    def _shape_of(self, frame: av.VideoFrame, pixel_aspect: Fraction) -> _Shape:
        """What the frame is like; its tags are set to what they come to."""
        tags = tags_of(frame)
        frame.colorspace = tags.matrix if tags.matrix in KNOWN_MATRICES else BT709
        frame.color_range = FULL if tags.full_range else LIMITED
        frame.color_primaries = frame.color_trc = BT709  # no work for the scaler: the table does it
        if frame.interlaced_frame and frame.width >= DEINTERLACER_MIN[0] and frame.height >= DEINTERLACER_MIN[1]:
            self._interlaced = True
        geometry = Geometry(frame.width, frame.height, pixel_aspect, orientation_of(frame))
        return _Shape(frame.format.name, geometry, tags, self._interlaced)

    def _build(self, shape: _Shape) -> None:
        geometry = shape.geometry
        before, (wide, tall), after = geometry.steps(self.width, self.height, self.fit)
        steps: list[FilterStep] = []
        if shape.interlaced:
            steps.append(("bwdif", "mode=send_frame:deint=interlaced"))
            self.notes["interlaced: deinterlaced (bwdif)"] = None
        if shape.has_alpha:
            steps += [("scale", EXACT), ("format", "gbrap"), ("premultiply", "inplace=1")]
        steps += [*before, ("scale", f"w={wide}:h={tall}:{EXACT}")]
        table = needs_table(shape.tags)
        if table:
            steps += [("format", "rgb48le"), ("haldclut", ""), ("scale", EXACT)]
        steps += [("format", "rgb24"), *after]
        if said := describe_colours(shape.tags):
            self.notes[said] = None
        self.shown_size = geometry.shown_size
        self._shape, self._graph = shape, Graph()
        self._connect(steps, shape)
        if table:
            self._feed_table(shape.tags)

    def _connect(self, steps: list[FilterStep], shape: _Shape) -> None:
        assert self._graph is not None
        matrix = shape.tags.matrix if shape.tags.matrix in KNOWN_MATRICES else BT709
        size = f"{shape.geometry.width}x{shape.geometry.height}"
        colours = f"colorspace={matrix}:range={FULL if shape.tags.full_range else LIMITED}"
        self._source = last = self._graph.add(
            "buffer", f"video_size={size}:pix_fmt={shape.pixel_format}:time_base=1/1:{colours}"
        )
        self._table_input: FilterContext | None = None
        for name, arguments in steps:
            node = self._graph.add(name, arguments)
            last.link_to(node)
            if name == "haldclut":
                self._table_input = self._add_table_input(node)
            last = node
        self._sink = self._graph.add("buffersink")
        last.link_to(self._sink)
        self._graph.configure()

    def _add_table_input(self, node: FilterContext) -> FilterContext:
        assert self._graph is not None
        side = TABLE_SIDE
        source = self._graph.add(
            "buffer", f"video_size={side}x{side}:pix_fmt=rgb48le:time_base=1/1:colorspace={RGB}:range={FULL}"
        )
        source.link_to(node, 0, 1)
        return source

    def _feed_table(self, tags: ColourTags) -> None:
        assert self._table_input is not None
        table = colour_table(tags.transfer, tags.primaries)
        table.pts, table.time_base = self._frames, Fraction(1)
        self._table_input.push(table)
        self._table_input.push(None)

    def _note_alpha(self, frame: av.VideoFrame, shape: _Shape) -> None:
        said = "transparent parts are shown over black"
        if shape.has_alpha and said not in self.notes:
            alpha = np.asarray(frame.reformat(format="rgba").to_ndarray())[..., 3]
            if alpha.min() < 255:
                self.notes[said] = None
