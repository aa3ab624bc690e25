"""The value of a rank among many, inside a kernel: without sorting them."""

from __future__ import annotations

from lipar_core.kernels.triton_import import jit, tl


@jit
def ranked_value(values, members, rank):  # type: ignore[no-untyped-def]
    """The `rank`-th smallest, from 0, of the values of `members`, which are more than `rank`.

    None is negative: such floats are ordered as their bits are.
    """
    bits = values.to(tl.int32, bitcast=True)
    found = tl.zeros([1], dtype=tl.int32)
    for bit in range(31):  # from the highest down
        candidate = found | (1 << (30 - bit))
        below = tl.sum((members & (bits < candidate)).to(tl.int32))
        found = tl.where(below <= rank, candidate, found)
    return tl.sum(found.to(tl.float32, bitcast=True))
