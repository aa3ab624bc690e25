"""Repeats a session's timeline on other frames, or on the same ones."""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from msgspec.structs import replace
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.session import EditSession
from lipar_core.session_timeline import SessionTimeline, TimelineEntry
from lipar_core.stream.output import EditedFrames, join_frames
from lipar_core.stream.region_tracker import MaskSource

P = TypeVar("P")


class ReplaySession(EditSession[P]):
    """An `EditSession` that changes its own parameters as a timeline says, at the same blocks.

    Its blocks have the same frames as the recorded session's if the same frames are pushed; then the output is the same
    on a CPU. Pauses are left out: in a file no time passes while nothing is edited.
    """

    def __init__(self, models: Models, timeline: SessionTimeline, masks: MaskSource | None = None) -> None:
        """`masks`: called for every block, and used where the session's region was that of its frames."""
        first, *later = timeline.entries
        parameters = replace(first.parameters, paused=False)
        super().__init__(
            models,
            parameters,
            size=timeline.size,
            buckets=timeline.buckets or None,
            masks=None if masks is None else partial(self._frame_masks, masks),
        )
        self.remaining: list[TimelineEntry] = later

    def push(self, frames: Tensor, pts: Sequence[P]) -> EditedFrames[P]:
        """Like `EditSession.push`."""
        self._check_frames(frames, pts)
        done = [self._no_frames()]
        for i, stamp in enumerate(pts):
            self._apply_entries()
            done.append(super().push(frames[i : i + 1], [stamp]))
        return join_frames(done)

    def flush(self) -> EditedFrames[P]:
        """Like `EditSession.flush`."""
        self._apply_entries()
        return super().flush()

    def _frame_masks(self, masks: MaskSource, pts: Sequence[P | None]) -> Tensor | None:
        found = masks(pts)
        return found if self.parameters.region.source == "frames" else None

    def _apply_entries(self) -> None:
        """Apply what the next block begins with."""
        while self.remaining and self.remaining[0].block <= self.next_block:
            entry = self.remaining.pop(0)
            self.parameters = replace(entry.parameters, paused=False)
            if entry.reset:
                self.reset()
