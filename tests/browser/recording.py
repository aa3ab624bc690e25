"""Recordings of the page's videos, read through a canvas while they play."""

import base64
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Page

from harness.browser import wait_until

WIDTH, HEIGHT = 64, 36  # frames are downscaled to this: enough for colours, and little load on the page
COMPARED_S = 3
MIN_WATCHED = 8  # frames
MAX_DELAY_S = 2.5  # less than the lead of the source's recording over the result's

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
      const scale = Math.max(width / video.videoWidth, height / video.videoHeight); // cropped as the server crops it
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
        """[M]: mean absolute error of each frame of the other to the most similar frame here, whenever it was shown."""
        return np.array([np.abs(self.rgb - frame).mean(axis=(1, 2, 3)).min() for frame in other.rgb])


def delay_between(source: Recording, result: Recording) -> float:
    """The delay of the result behind the source in seconds, by the best match."""
    delays = np.arange(0, MAX_DELAY_S, 0.05)
    errors = [np.abs(source.at(result.times - delay).rgb - result.rgb).mean() for delay in delays]
    return float(delays[np.argmin(errors)])


def start(page: Page, *videos: str) -> None:
    """Start recording these videos; by default the source and the result."""
    page.evaluate(RECORD, [WIDTH, HEIGHT, videos or ("source", "result")])


def discard(page: Page, video: str) -> None:
    """Discard what was recorded up to now."""
    page.evaluate(TAKE, video)


def take(page: Page, video: str) -> Recording:
    """The frames recorded since the last call."""
    frames = page.evaluate(TAKE, video)
    assert frames, f"the {video} video showed no frame"
    raw = np.stack([np.frombuffer(base64.b64decode(pixels), np.uint8) for _, pixels in frames])
    rgb = raw.reshape(-1, HEIGHT, WIDTH, 4)[..., :3] / 255
    return Recording(np.array([time for time, _ in frames]), rgb)


def wait_for_frames(page: Page, video: str, count: int) -> None:
    """Wait until the video has shown so many more frames."""
    discard(page, video)
    wait_until(page, "([id, count]) => window.recorded[id].length >= count", [video, count])


def expect_same(page: Page, viewer: Page) -> Recording:
    """The viewer's `watched` video moves and shows what the page's `result` shows; returns what was watched.

    Compared frame by frame: a page in the background shows about one frame per second. A few frames may have no match,
    since browsers skip frames and the two recordings do not start at the same time.
    """
    start(viewer, "watched")  # starts first and ends last, so that it contains what the page shows
    start(page)
    page.wait_for_timeout(COMPARED_S * 1000)
    wait_until(page, "window.recorded.result.length > 0")  # a busy machine edits few frames
    wait_until(viewer, "(count) => window.recorded.watched.length > count", MIN_WATCHED)
    edited, watched = take(page, "result"), take(viewer, "watched")
    assert len(np.unique(watched.rgb, axis=0)) > 4, "the picture does not change"
    assert np.median(watched.error_to(edited)) < 0.03
    return watched
