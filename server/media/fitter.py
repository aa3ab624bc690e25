"""Crop, scale and colour conversion of a camera frame to the model's input format."""

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from lipar_core.colour_tags import BT601, FULL, LIMITED, RGB, ColourTags, resolve_colour_tags
from server.media.colour_space import ColourSpace
from server.ring import Planes

# FFmpeg's scaler supports these matrices of H.273; BT.601 has three code points
SCALER = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M}
SCALER |= {9: Colorspace.BT2020, 10: Colorspace.BT2020}
# without the last two flags every colour comes out slightly too dark
CONVERSION = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


class Fitter:
    """Scales to cover width x height and crops the centre. Frame size and colours may change at any time."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._scaler, self._converter = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: av.VideoFrame, signalled: ColourSpace | None = None) -> Planes:
        """-> yuv420p planes [height * 3 / 2, width], BT.601, limited range.

        `signalled`: colour space from the RTP header extension; else the frame's own tags apply, else its size decides.
        """
        scale = max(self.width / frame.width, self.height / frame.height)
        wide = max(self.width, 2 * round(frame.width * scale / 2))
        tall = max(self.height, 2 * round(frame.height * scale / 2))
        planes = np.asarray(self._fitted(frame, wide, tall, colour_tags(frame, signalled)).to_ndarray(), np.uint8)
        if (wide, tall) == (self.width, self.height):
            return planes
        left, top = (wide - self.width) // 4 * 2, (tall - self.height) // 4 * 2  # even: chroma is subsampled
        luma = planes[top : top + self.height, left : left + self.width]
        chroma = planes[tall:].reshape(2, tall // 2, wide // 2)
        cut = chroma[:, top // 2 : (top + self.height) // 2, left // 2 : (left + self.width) // 2]
        return np.concatenate([luma, cut.reshape(-1, self.width)])

    def _fitted(self, frame: av.VideoFrame, width: int, height: int, tags: ColourTags) -> av.VideoFrame:
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
