"""Buckets: the few numbers of tokens that a transformer pass may have, so that its tensors have few different shapes.

A block's kept tokens are brought to the next bucket by refreshing others (`lipar_core/pruning/refresh.py`).
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from lipar_core.errors import ParameterError

CPU_STEP = 8  # tokens: a new shape costs a CPU more (oneDNN compiles for it) than a few tokens do
MAX_BUCKETS = 8  # on a GPU, where each has CUDA graphs of its own

Costs = Mapping[int, float]  # of a pass with so many tokens, in any unit


def fixed_buckets(tokens: int) -> tuple[int, ...]:
    """Those of a CPU, for a block of `tokens` tokens: the same on every machine, so that output is reproducible."""
    return (*range(CPU_STEP, tokens, CPU_STEP), tokens)


def cheapest_buckets(costs: Costs, tokens: int, most: int = MAX_BUCKETS) -> tuple[int, ...]:
    """At most `most` buckets for a block of `tokens` tokens, of those in `costs`.

    They have the least mean cost of a pass if all numbers of kept tokens are equally frequent.
    """
    sizes = sorted({min(size, tokens) for size in costs if costs[size] > 0})
    prices = [costs[min(size for size in costs if size >= bucket)] for bucket in sizes]
    # of each size as the last bucket: mean cost, times `tokens`, of all numbers up to it, and the buckets up to it
    best: list[tuple[float, tuple[int, ...]]]
    best = [(size * price, (size,)) for size, price in zip(sizes, prices, strict=True)]
    result = best[-1]
    for _ in range(most - 1):
        best = [best[0], *(min(_appended(best[:i], sizes[i], prices[i])) for i in range(1, len(sizes)))]
        result = min(result, best[-1])
    return result[1]


def _appended(
    lists: Sequence[tuple[float, tuple[int, ...]]], size: int, price: float
) -> Iterator[tuple[float, tuple[int, ...]]]:
    for cost, buckets in lists:
        yield cost + (size - buckets[-1]) * price, (*buckets, size)


def bucket_of(count: int, buckets: Sequence[int]) -> int:
    """The smallest bucket with room for `count` tokens. None of them: no pass at all."""
    return buckets[bisect_left(buckets, count)] if count else 0


def checked_buckets(buckets: Sequence[int], tokens: int) -> tuple[int, ...]:
    """A list for a block of `tokens` tokens: all of them are a bucket, the largest. Raises `ParameterError`."""
    if any(a >= b for a, b in zip((0, *buckets), buckets, strict=False)):
        raise ParameterError("buckets", list(buckets)[:20], "must be increasing numbers of tokens, above 0")
    return (*(size for size in buckets if size < tokens), tokens)
