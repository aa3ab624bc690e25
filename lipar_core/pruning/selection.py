"""Which tokens of a block are computed, and where the others take their content from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from lipar_core.buckets import bucket_of
from lipar_core.kernels.kept_order import kept_order
from lipar_core.kernels.source_rows import source_rows
from lipar_core.pruning.active_tokens import ActiveTokens

Rule = Literal["previous_frame", "previous_block"]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The kept tokens of a block, as indices for gathers and scatters without another host sync.

    A pass computes `size` tokens: those that are kept, then pads, whose results are not used.
    """

    keep: Tensor  # [F, T] bool
    index: Tensor  # [size] positions in the flat block: of the kept tokens, ascending, then of pads
    count: int  # of kept tokens, on the host

    @property
    def all_kept(self) -> bool:
        return self.count == self.keep.numel()

    @property
    def size(self) -> int:
        return len(self.index)

    def source(self, rule: Rule = "previous_frame") -> Tensor:
        """For each token of the flat block [F * T], its row in `cat([computed (size), last frame before (T)])`.

        `previous_frame`: a pruned token takes the newest kept one at its position in this block, else that of the frame
        before the block. `previous_block`: always that of the frame before the block.
        """
        return source_rows(self.keep, self.size, rule == "previous_frame")


def select(
    keep: Tensor,
    counts: list[int] | None = None,
    active: ActiveTokens | None = None,
    buckets: Sequence[int] = (),
) -> tuple[Selection, Selection]:
    """keep [F, T] -> its selection, and the one with the block's last frame kept in full (of `active`: inside it).

    Reads the kept counts back to the host, the only sync of a block, unless `counts` (one per frame) are given. Pads
    bring the number of tokens to one of `buckets`; without buckets there are none.
    """
    if counts is None:
        counts = keep.sum(dim=1).tolist()
    refreshed = keep.clone()
    if active is None:
        refreshed[-1].fill_(True)  # an assignment would upload the value
    else:
        refreshed[-1].copy_(active.inside.flatten())
    last = keep.shape[1] if active is None else active.count
    return _build_selection(keep, sum(counts), buckets), _build_selection(refreshed, sum(counts[:-1]) + last, buckets)


def _build_selection(keep: Tensor, count: int, buckets: Sequence[int]) -> Selection:
    return Selection(keep, kept_order(keep)[: bucket_of(count, buckets) if buckets else count], count)
