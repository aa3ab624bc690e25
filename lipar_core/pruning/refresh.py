"""Rolling refresh: brings a block's kept tokens to a bucket, by those that have not been computed for longest."""

from collections.abc import Sequence

from torch import Tensor

from lipar_core.buckets import bucket_of
from lipar_core.kernels.filled_mask import filled_mask
from lipar_core.pruning.active_tokens import ActiveTokens
from lipar_core.pruning.detector import Detector


def refresh_stalest(
    detector: Detector, keep: Tensor, counts: list[int], buckets: Sequence[int], active: ActiveTokens | None
) -> tuple[Tensor, list[int]]:
    """As `fill_bucket`; the tokens that are added become new anchors of the detector that made the keep mask."""
    filled, counts = fill_bucket(keep, counts, buckets, detector.computed, active)
    if filled is not keep:  # the last frame is filled first, so that it has every position that is refreshed
        detector.refresh((filled[-1] & ~keep[-1]).view_as(detector.computed))
    return filled, counts


def fill_bucket(
    keep: Tensor, counts: list[int], buckets: Sequence[int], computed: Tensor, active: ActiveTokens | None = None
) -> tuple[Tensor, list[int]]:
    """keep [F, T] with `counts` kept tokens per frame -> the same with as many more as fill a bucket, and the counts.

    computed [T]: the block in which each position was last computed; those of the lowest number come first. The last
    frame is filled before the others: later blocks take their content from it. Where the active tokens (None: all) are
    fewer than a bucket, all of them are kept.
    """
    tokens = keep.shape[1] if active is None else active.count
    spare = min(bucket_of(sum(counts), buckets), tokens * len(counts)) - sum(counts)
    if not spare:
        return keep, counts
    filled = list(counts)
    for frame in reversed(range(len(counts))):
        filled[frame] += min(spare, tokens - counts[frame])
        spare -= filled[frame] - counts[frame]
    inside = None if active is None else active.inside
    return filled_mask(keep, computed, inside, sum(filled) - sum(counts)), filled
