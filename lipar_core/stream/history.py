"""The clean latents that the KV cache was built from, sink and window, kept to rebuild it under a new prompt."""

from collections import deque

from torch import Tensor


class History:
    """Tokens of x0 per block; only frames that later blocks may attend to are kept."""

    def __init__(self, sink_frames: int, past_frames: int, block_frames: int) -> None:
        """`past_frames`: latent frames before the current block that it attends to, without the sink."""
        self.sink_frames, self.block_frames = sink_frames, block_frames
        self.recent: deque[tuple[int, Tensor]] = deque(maxlen=-(-past_frames // block_frames))
        self.sink: list[tuple[int, Tensor]] = []
        self.frames = 0

    def add(self, x0: Tensor) -> None:
        """x0 [F * T, P] of the block just finished."""
        if self.frames < self.sink_frames:
            self.sink.append((self.frames, x0))
        self.recent.append((self.frames, x0))
        self.frames += self.block_frames

    def segments(self, tokens: int) -> list[tuple[int, Tensor]]:
        """(first frame, x0 [f * T, P]) of all stored blocks, oldest first; sink blocks are cut to the sink."""
        oldest = self.recent[0][0] if self.recent else self.frames
        pinned = [(start, x0[: (self.sink_frames - start) * tokens]) for start, x0 in self.sink if start < oldest]
        return [*pinned, *self.recent]
