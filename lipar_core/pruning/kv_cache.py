"""Keys and values of past latent frames: a pinned sink, then a ring of the newest ones."""

import torch
from torch import Tensor

from lipar_core.kernels.rope_scatter import rope_scatter
from lipar_core.kernels.rotate_frames import rotate_frames
from lipar_core.pruning.active_tokens import ActiveTokens
from lipar_core.rope import RotaryTable


class KVCache:
    """One stream's cache, for all layers.

    Per block: `open` once, `write` for each layer and pass (repeats overwrite), `commit` once. Slots are in no time
    order: attention takes a key's time from its rotation, not from its slot. Ring keys are rotated once, to growing
    absolute positions; once a block ends past `rope_cap` frames only the sink is rotated again, from its un-rotated
    copy, so that its distance to the block stays within that of a training clip.

    A block opened with active tokens has no keys elsewhere: neither it nor later blocks attend to what was outside.
    All addresses stay: CUDA graphs have them. A row that nothing reads, `scratch_row`, takes what a pass computes only
    to have a bucket's number of tokens.
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
        self.sink = sink
        self.window = window
        self.rope = rope
        self.rope_cap = rope_cap
        self.tokens = frame_shape[0]
        self.scratch_row = (sink + window) * self.tokens
        size = (layers, self.scratch_row + 1, *frame_shape[1:])
        self.k_rows = torch.zeros(size, dtype=dtype, device=rope.device)  # rotated [layer, slot * T + token, H, D]
        self.v_rows = torch.zeros_like(self.k_rows)
        self.sink_k = self.k_rows.new_zeros(layers, sink, *frame_shape)  # un-rotated
        self.last_k = self.k_rows.new_zeros(layers, *frame_shape)  # un-rotated, of the newest clean frame
        self.last_v = torch.zeros_like(self.last_k)
        self.present = torch.ones(sink + window, self.tokens, dtype=torch.bool, device=rope.device)
        self._sink_rotary = rope.allocate(sink)
        self._rotary = rope.allocate(window)  # of the open block, which has at most so many frames
        self._slots = torch.zeros(window, dtype=torch.long, device=rope.device)
        self._rows = torch.zeros(window, self.tokens, dtype=torch.long, device=rope.device)
        self._numbers = torch.arange(max(sink, self.tokens), device=rope.device)
        self.clear()

    @property
    def k(self) -> Tensor:
        """[layer, slot, T, H, D]"""
        return self._by_slot(self.k_rows)

    @property
    def v(self) -> Tensor:
        """[layer, slot, T, H, D]"""
        return self._by_slot(self.v_rows)

    def _by_slot(self, rows: Tensor) -> Tensor:
        slots: Tensor = rows[:, : self.scratch_row].unflatten(1, (-1, self.tokens))
        return slots

    @property
    def is_full(self) -> bool:
        """Whether the open block attends to all rows in one piece: its passes do the same work in every block."""
        visible = self._visible
        whole = isinstance(visible, slice) and visible.stop * self.tokens == self.scratch_row
        return whole and self._active_rows is None and not self.any_absent

    @property
    def fills_sink(self) -> bool:
        """Whether the open block has frames of the sink."""
        return self.frames < self.sink

    def clear(self) -> None:
        """Discard everything; the next frame is number 0."""
        self.frames = 0
        self.occupied: set[int] = set()  # slots that hold a frame
        self.active: dict[int, Tensor] = {}  # by slot: its active tokens [T], on the CPU; without an entry: all
        self._active_rows: Tensor | None = None  # of the cache, that the open block attends to; None: all
        self.any_absent = False  # whether `present` hides any token
        self.present.fill_(True)
        self.sink_shift = 0

    def skip_to(self, frame: int) -> None:
        """Set the next frame's number; skipped frames are not cached (used to rebuild a cache)."""
        self.frames = frame

    def open(self, block_frames: int, active: ActiveTokens | None = None) -> None:
        """Assign slots to the next block, replacing the oldest frames of the ring. active: None means all tokens."""
        new = range(self.frames, self.frames + block_frames)
        self.rope.move(self._rotary[:block_frames], new)
        self.rotary = self._rotary[:block_frames].flatten(0, 1)  # of the block's tokens [F * T, D]
        self.slots = self._slots[:block_frames].copy_(self._slots_of(new))
        rows = self._rows[:block_frames]
        torch.add(self._numbers[: self.tokens], self.slots[:, None], alpha=self.tokens, out=rows)
        self.rows = rows.flatten()
        self._shift_sink(max(0, new.stop - self.rope_cap))
        self.occupied.update(self._slot(frame) for frame in new)
        visible = sorted(self.occupied)
        is_prefix = visible == list(range(len(visible)))
        self._visible = slice(len(visible)) if is_prefix else torch.tensor(visible, device=self.k_rows.device)
        self._set_active([self._slot(frame) for frame in new], active)
        self._active_rows = self._rows_of_active(visible)

    def write(self, layer: int, rows: Tensor, rotary: Tensor, k: Tensor, v: Tensor) -> None:
        """Store un-rotated k and v [N, H, D] at cache rows [N], keys rotated by rotary [N, D]."""
        rope_scatter(k, v, rotary, rows, self.k_rows[layer], self.v_rows[layer])

    def read(self, layer: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keys and values that the open block attends to [L, H, D], its own included, and which are present [L]."""
        if self._active_rows is not None:
            return self._read_active(layer, self._active_rows)
        present = self.present[self._visible].flatten() if self.any_absent else None
        return self.k[layer, self._visible].flatten(0, 1), self.v[layer, self._visible].flatten(0, 1), present

    def _read_active(self, layer: int, rows: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """As `read`, without the rows outside."""
        present = self.present.flatten().index_select(0, rows) if self.any_absent else None
        return self.k_rows[layer].index_select(0, rows), self.v_rows[layer].index_select(0, rows), present

    def _set_active(self, slots: list[int], active: ActiveTokens | None) -> None:
        for slot in slots:
            self.active.pop(slot, None)
            if active is not None and not active.is_everything:
                self.active[slot] = active.on_host

    def _rows_of_active(self, visible: list[int]) -> Tensor | None:
        """Numbers of the cache's rows that are active, counted on the host; None: all visible ones."""
        if not self.active:
            return None
        everything = torch.ones(self.tokens, dtype=torch.bool)
        tokens = [self.active.get(slot, everything).nonzero().flatten() + slot * self.tokens for slot in visible]
        return torch.cat(tokens).to(self.k_rows.device)

    def store_clean(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Store what later blocks need of the clean, un-rotated k and v [F * T, H, D]: last frame and sink."""
        # one launch on a GPU
        torch._foreach_copy_([self.last_k[layer], self.last_v[layer]], [k[-self.tokens :], v[-self.tokens :]])
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

    def _slots_of(self, frames: range) -> Tensor:
        """As `_slot`, computed on the device: an upload would wait for it."""
        number = torch.arange(frames.start, frames.stop, device=self.k_rows.device)
        return torch.where(number < self.sink, number, self.sink + (number - self.sink) % self.window)

    def _shift_sink(self, shift: int) -> None:
        occupied = min(self.sink, self.frames)
        if shift != self.sink_shift and occupied:
            rotary = self._sink_rotary[:occupied]
            self.rope.move(rotary, range(shift, shift + occupied))
            rotate_frames(self.sink_k[:, :occupied], rotary, self._numbers[:occupied], self.k_rows)
            self.sink_shift = shift
