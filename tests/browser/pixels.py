"""What is on the page's videos, read through a canvas while they play."""

import base64
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Page

WIDTH, HEIGHT = 64, 36  # a frame is averaged down to this: enough for colours, and the page stays quick
COMPARED_S = 3
LONGEST_DELAY_S = 2.5  # less than the time for which the source is recorded ahead of the result

# Keeps, for each frame that a video shows, the time and the pixels.
RECORD = """
([width, height, videos]) => {
  window.recorded = {};
  for (const id of videos) {
    const video = document.getElementById(id);
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const frames = (window.recorded[id] = []);
    const take = (now) => {
      const scale = Math.max(width / video.videoWidth, height / video.videoHeight); // cut as the server cuts it
      const [wide, tall] = [video.videoWidth * scale, video.videoHeight * scale];
      context.drawImage(video, (width - wide) / 2, (height - tall) / 2, wide, tall);
      const rgba = context.getImageData(0, 0, width, height).data;
      frames.push([now / 1000, btoa(String.fromCharCode(...rgba))]);
      video.requestVideoFrameCallback(take);
    };
    video.requestVideoFrameCallback(take);
  }
}
"""
TAKE = "(id) => window.recorded[id].splice(0)"


@dataclass(frozen=True)
class Recording:
    """Frames of one video: times [N] in seconds, rgb [N, HEIGHT, WIDTH, 3] in 0..1."""

    times: np.ndarray
    rgb: np.ndarray

    @property
    def saturation(self) -> np.ndarray:
        """[N]: mean of (max - min) / max over the pixels, black counting as grey."""
        high, low = self.rgb.max(axis=-1), self.rgb.min(axis=-1)
        return ((high - low) / np.maximum(high, 1 / 255)).mean(axis=(1, 2))

    def at(self, times: np.ndarray) -> "Recording":
        """The frames shown nearest to the given times."""
        index = np.abs(self.times[None] - times[:, None]).argmin(axis=1)
        return Recording(self.times[index], self.rgb[index])

    def error_to(self, other: "Recording") -> np.ndarray:
        """[M]: how far each frame of the other is from the frame here that is most like it, whenever that was shown."""
        return np.array([np.abs(self.rgb - frame).mean(axis=(1, 2, 3)).min() for frame in other.rgb])


def delay_between(source: Recording, result: Recording) -> float:
    """The seconds after which the result shows the source's pictures, by what matches best."""
    delays = np.arange(0, LONGEST_DELAY_S, 0.05)
    errors = [np.abs(source.at(result.times - delay).rgb - result.rgb).mean() for delay in delays]
    return float(delays[np.argmin(errors)])


def begin(page: Page, *videos: str) -> None:
    """Record what these videos show, the source and the result if none is named."""
    page.evaluate(RECORD, [WIDTH, HEIGHT, videos or ("source", "result")])


def drop(page: Page, video: str) -> None:
    """Forget what was shown up to now."""
    page.evaluate(TAKE, video)


def take(page: Page, video: str) -> Recording:
    """What was shown since the last call."""
    frames = page.evaluate(TAKE, video)
    assert frames, f"the {video} video showed no frame"
    raw = np.stack([np.frombuffer(base64.b64decode(pixels), np.uint8) for _, pixels in frames])
    rgb = raw.reshape(-1, HEIGHT, WIDTH, 4)[..., :3] / 255
    return Recording(np.array([time for time, _ in frames]), rgb)


def expect_same(page: Page, viewer: Page) -> Recording:
    """The viewer's `watched` video moves and shows what the page's `result` shows; returns what was watched.

    Frame by frame: a page behind another shows about a frame a second, whose mean is not that of all. A few frames may
    have no match: a browser skips some as it pleases, and no two recordings begin at once.
    """
    begin(viewer, "watched")  # begins first and ends last: what the page shows should be in it
    begin(page)
    page.wait_for_timeout(COMPARED_S * 1000)
    edited, watched = take(page, "result"), take(viewer, "watched")
    assert len(np.unique(watched.rgb, axis=0)) > 4, "the picture stands still"
    assert np.median(watched.error_to(edited)) < 0.03
    return watched
