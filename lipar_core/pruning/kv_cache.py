"""Keys and values of past latent frames: a pinned sink, then a ring of the newest ones."""

import torch
from torch import Tensor

from lipar_core.rope import RotaryTable, rotate


class KVCache:
    """One stream's cache, for all layers.

    Per block: `open` once, `write` for each layer and pass (repeats overwrite), `commit` once. Slots are in no time
    order: attention takes a key's time from its rotation, never from its slot. Ring keys are rotated to ever-growing
    absolute positions and never touched again; once a block ends past `rope_cap` frames only the sink is turned, from
    its un-rotated copy, so that its distance to the block stays that of a training clip (design section 4.4).
    """

    def __init__(
        self,
        layers: int,
        sink: int,
        window: int,
        rope: RotaryTable,
        rope_cap: int,
        frame_shape: tuple[int, int, int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.sink, self.window, self.rope, self.rope_cap = sink, window, rope, rope_cap
        self.tokens = frame_shape[0]
        size = (layers, sink + window, *frame_shape)
        self.k = torch.zeros(size, dtype=dtype, device=rope.device)  # rotated [layer, slot, T, H, D]
        self.v = torch.zeros_like(self.k)
        self.sink_k = torch.zeros_like(self.k[:, :sink])  # un-rotated
        self.last_k = torch.zeros_like(self.k[:, 0])  # un-rotated, of the newest clean frame [layer, T, H, D]
        self.last_v = torch.zeros_like(self.last_k)
        self.present = torch.ones(sink + window, self.tokens, dtype=torch.bool, device=rope.device)
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next frame is number 0."""
        self.frames = 0
        self.held: set[int] = set()  # slots that hold a frame
        self.holes = False  # whether `present` hides any token
        self.present.fill_(True)
        self.sink_shift = 0

    def skip_to(self, frame: int) -> None:
        """Number the next frame `frame`: what lies between is not held (used when a cache is rebuilt)."""
        self.frames = frame

    def open(self, block_frames: int) -> None:
        """Make room for the next block, over the oldest frames of the ring."""
        new = range(self.frames, self.frames + block_frames)
        slots = [self._slot(frame) for frame in new]
        self.rotary = self.rope.at(new).flatten(0, 1)  # of the block's tokens [F * T, D / 2]
        self.slots = torch.tensor(slots, device=self.k.device)
        self.rows = (self.slots[:, None] * self.tokens + torch.arange(self.tokens, device=self.k.device)).flatten()
        self._shift_sink(max(0, new.stop - self.rope_cap))
        self.held.update(slots)
        live = sorted(self.held)
        prefix = live == list(range(len(live)))
        self._live = slice(len(live)) if prefix else torch.tensor(live, device=self.k.device)

    def write(self, layer: int, rows: Tensor, rotary: Tensor, k: Tensor, v: Tensor) -> None:
        """Store un-rotated k and v [N, H, D] at cache rows [N], keys rotated by rotary [N, D / 2]."""
        dtype = self.k.dtype
        self.k[layer].flatten(0, 1).index_copy_(0, rows, rotate(k.to(dtype), rotary))
        self.v[layer].flatten(0, 1).index_copy_(0, rows, v.to(dtype))

    def read(self, layer: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """All keys and values that the open block attends to [L, H, D], itself included, and which are present [L]."""
        present = self.present[self._live].flatten() if self.holes else None
        return self.k[layer, self._live].flatten(0, 1), self.v[layer, self._live].flatten(0, 1), present

    def remember(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep what later blocks need of the block's clean, un-rotated k and v [F * T, H, D]: last frame and sink."""
        self.last_k[layer], self.last_v[layer] = k[-self.tokens :], v[-self.tokens :]
        pinned = min(self.sink, self.frames + len(self.slots)) - self.frames
        if pinned > 0:
            self.sink_k[layer, self.frames : self.frames + pinned] = k[: pinned * self.tokens].unflatten(
                0, (pinned, -1)
            )

    def commit(self) -> None:
        """Close the block: its frames are now the newest."""
        self.frames += len(self.slots)

    def _slot(self, frame: int) -> int:
        return frame if frame < self.sink else self.sink + (frame - self.sink) % self.window

    def _shift_sink(self, shift: int) -> None:
        held = min(self.sink, self.frames)
        if shift != self.sink_shift and held:
            rotary = self.rope.at(range(shift, shift + held))
            self.k[:, :held] = rotate(self.sink_k[:, :held], rotary)
            self.sink_shift = shift
