"""A camera's picture cut to the model's size."""

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from server.ring import Planes


class Fitter:
    """Scales to cover width x height and cuts around the middle. Frames may change size at any time."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Planes:
        """-> yuv420p planes [height * 3 / 2, width]."""
        scale = max(self.width / frame.width, self.height / frame.height)
        wide = max(self.width, 2 * round(frame.width * scale / 2))
        tall = max(self.height, 2 * round(frame.height * scale / 2))
        planes = np.asarray(self._reformatter.reformat(frame, wide, tall, "yuv420p", threads=1).to_ndarray(), np.uint8)
        if (wide, tall) == (self.width, self.height):
            return planes
        left, top = (wide - self.width) // 4 * 2, (tall - self.height) // 4 * 2  # even: chroma has half the pixels
        luma = planes[top : top + self.height, left : left + self.width]
        chroma = planes[tall:].reshape(2, tall // 2, wide // 2)
        cut = chroma[:, top // 2 : (top + self.height) // 2, left // 2 : (left + self.width) // 2]
        return np.concatenate([luma, cut.reshape(-1, self.width)])
