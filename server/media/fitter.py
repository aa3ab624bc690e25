"""Crop, scale and colour conversion of a camera frame to the model's input format."""

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from lipar_core.colour_tags import BT601, FULL, LIMITED, RGB, ColourTags, resolve_colour_tags
from lipar_core.parameters import Fit
from server.media.colour_space import ColourSpace
from server.ring import Planes

# FFmpeg's scaler supports these matrices of H.273; BT.601 has three code points
SCALER = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M}
SCALER |= {9: Colorspace.BT2020, 10: Colorspace.BT2020}
# without the last two flags every colour comes out slightly too dark
CONVERSION = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


BLACK, GREY = 16, 128  # luma and chroma of the bars, limited range


class Fitter:
    """Brings frames to width x height, centred. Frame size, colours and fit may change at any time."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._scaler, self._converter = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: av.VideoFrame, signalled: ColourSpace | None = None, fit: Fit = "crop") -> Planes:
        """-> yuv420p planes [height * 3 / 2, width], BT.601, limited range.

        `signalled`: colour space from the RTP header extension; else the frame's own tags apply, else its size decides.
        """
        wide, tall = self._scaled_size(frame, fit)
        planes = np.asarray(self._scaled(frame, wide, tall, colour_tags(frame, signalled)).to_ndarray(), np.uint8)
        if (wide, tall) == (self.width, self.height):
            return planes
        out = np.full((self.height * 3 // 2, self.width), GREY, np.uint8)
        out[: self.height] = BLACK
        copy_centre(planes[:tall], out[: self.height], step=2)  # even: chroma is subsampled
        chroma = out[self.height :].reshape(2, self.height // 2, self.width // 2)
        copy_centre(planes[tall:].reshape(2, tall // 2, wide // 2), chroma, step=1)
        return out

    def _scaled_size(self, frame: av.VideoFrame, fit: Fit) -> tuple[int, int]:
        """Even: chroma is subsampled."""
        if fit == "stretch":
            return self.width, self.height
        choose = max if fit == "crop" else min
        scale = choose(self.width / frame.width, self.height / frame.height)
        wide, tall = (max(2, 2 * round(size * scale / 2)) for size in (frame.width, frame.height))
        return choose(self.width, wide), choose(self.height, tall)  # rounding must not leave a line

    def _scaled(self, frame: av.VideoFrame, width: int, height: int, tags: ColourTags) -> av.VideoFrame:
        """Scale, then convert colours if necessary: both in one call take twice as long."""
        source = SCALER.get(tags.matrix, Colorspace.ITU709)
        if tags.matrix == RGB or (source == Colorspace.ITU601 and not tags.full_range):
            return self._scaler.reformat(frame, width, height, "yuv420p", threads=1, dst_colorspace=Colorspace.ITU601)
        scaled = self._scaler.reformat(frame, width, height, frame.format.name, threads=1)
        return self._converter.reformat(
            scaled,
            format="yuv420p",
            src_colorspace=source,
            dst_colorspace=SCALER[BT601],
            src_color_range=FULL if tags.full_range else LIMITED,
            dst_color_range=LIMITED,
            interpolation=CONVERSION,
            threads=1,
        )


def copy_centre(source: Planes, target: Planes, *, step: int) -> None:
    """Copy source [..., h, w] into the middle of target [..., H, W]; offsets are multiples of `step`."""
    cuts, places = zip(*(overlap(*sizes, step) for sizes in zip(source.shape, target.shape, strict=True)), strict=True)
    target[places] = source[cuts]


def overlap(size: int, target: int, step: int) -> tuple[slice, slice]:
    """Where the middle of `size` values is cut, and where it is placed among `target` values."""
    offset = abs(size - target) // (2 * step) * step
    middle, everything = slice(offset, offset + min(size, target)), slice(min(size, target))
    return (middle, everything) if size > target else (everything, middle)


def colour_tags(frame: av.VideoFrame, signalled: ColourSpace | None) -> ColourTags:
    """By the same rule as for files. The RTP header extension takes precedence over the codec's tags."""
    own = ColourSpace(int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range))
    signalled = own if signalled is None else signalled.with_defaults(own)
    return resolve_colour_tags(
        frame.width,
        frame.height,
        frame.format.name,
        matrix=signalled.matrix,
        colour_range=signalled.range,
        primaries=signalled.primaries,
        transfer=signalled.transfer,
    )
