"""Runs a file's frames through a session and sums up what it did."""

import argparse
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lipar_cli.progress import Progress
    from lipar_core.session import EditSession
    from lipar_core.stream.output import EditedFrames
    from lipar_video.picture_filter import Picture
    from lipar_video.reader import SourceFrame


class FileEdit:
    """Passes source frames to a session, which assembles blocks, and returns the edited frames."""

    def __init__(self, session: "EditSession[int]", args: argparse.Namespace, progress: "Progress") -> None:
        self.session = session
        self.args = args
        self.progress = progress
        self.totals = Totals()
        self._pushed: deque[SourceFrame] = deque()  # frames that the session has not returned yet

    def push(self, frame: "SourceFrame") -> "Iterator[SourceFrame]":
        import torch

        self._pushed.append(frame)
        picture = torch.from_numpy(frame.picture).permute(2, 0, 1)
        yield from self._finished_frames(self.session.push(picture[None], [frame.pts]))

    def flush(self) -> "Iterator[SourceFrame]":
        """The remaining frames."""
        yield from self._finished_frames(self.session.flush())
        self.progress.end()

    def summary(self) -> str:
        return self.totals.summary(self.progress.done, self.progress.fps)

    def _finished_frames(self, edited: "EditedFrames[int]") -> "Iterator[SourceFrame]":
        """The edited frames with the durations of their source frames."""
        from lipar_video.reader import SourceFrame

        self.totals.add(edited)
        self.progress.add(len(edited.pts))
        if not edited.pts:  # most frames complete no block: do not wait for the device
            return
        frames = (edited.frames * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        for frame, mask, stamp in zip(frames, edited.keep.cpu().numpy(), edited.pts, strict=True):
            source = self._pushed.popleft()
            yield SourceFrame(self._compose(source.picture, frame, mask), stamp, source.duration)

    def _compose(self, source: "Picture", frame: "Picture", mask: "NDArray[np.bool_]") -> "Picture":
        import numpy as np

        from lipar_video.overlay import tint_by_keep_mask

        shown = tint_by_keep_mask(frame, mask) if self.args.overlay else frame
        return np.concatenate([source, shown], axis=1) if self.args.side_by_side else shown


class Totals:
    """Statistics over all blocks."""

    def __init__(self) -> None:
        self.blocks = 0
        self.kept = 0.0
        self.stage_ms: dict[str, float] = {}

    def add(self, edited: "EditedFrames[int]") -> None:
        for report in edited.blocks:
            self.blocks += 1
            self.kept += report.keep_ratio
            for stage, ms in report.stage_ms.items():
                self.stage_ms[stage] = self.stage_ms.get(stage, 0.0) + ms

    def summary(self, frames: int, fps: float) -> str:
        stages = ", ".join(f"{stage} {ms / self.blocks:.1f}" for stage, ms in self.stage_ms.items())
        return (
            f"{frames} frames, {fps:.1f} fps, {self.kept / self.blocks:.0%} of tokens computed, ms per block: {stages}"
        )
