"""How much faster pruning makes the blocks of a session: an estimate from their measured times."""

from server import wire
from server.control.affine_fit import AffineFit

PRUNED_STAGES = ("denoise", "clean")  # the others take the same time whatever is kept


class SpeedUp:
    """Fits the times of `PRUNED_STAGES` over the keep ratio, the others' over the region's part of the picture.

    The whole picture is decoded where there is no region, and only the region's surroundings else.
    """

    def __init__(self) -> None:
        self._denoise, self._clean, self._fixed = AffineFit(), AffineFit(), AffineFit()
        self._ratio: float | None = None  # of the newest block
        self._active = 1.0  # ratio of tokens in its region

    def add(self, block: wire.BlockDone) -> None:
        """The first block is not measured: memory is allocated and kernels are chosen in it."""
        before, self._ratio = self._ratio, block.keep_ratio
        self._active = block.active_ratio
        if before is None:
            return
        self._denoise.add(block.keep_ratio, block.stage_ms.get("denoise", 0.0))
        self._clean.add(before, block.stage_ms.get("clean", 0.0))  # it is that of the block before
        self._fixed.add(
            block.active_ratio, sum(ms for stage, ms in block.stage_ms.items() if stage not in PRUNED_STAGES)
        )

    @property
    def ratio(self) -> float | None:
        """Expected time of a block computed in full / of one like the newest; None: not known yet.

        Nor is it known in a region, before a block of the whole picture or of another region was measured.
        """
        if self._ratio is None:
            return None
        full, pruned = self._block_ms(1.0, 1.0), self._block_ms(self._ratio, self._active)
        return full / pruned if full is not None and pruned else None

    def _block_ms(self, keep_ratio: float, active_ratio: float) -> float | None:
        denoise, clean = self._denoise.predict(keep_ratio), self._clean.predict(keep_ratio)
        fixed = self._fixed.predict(active_ratio)
        return None if denoise is None or clean is None or fixed is None else fixed + denoise + clean
