"""Temporal smoothing of the edited frames where their source is static: removes the flicker of models and codecs.

A recursive filter, as in video denoising: each pixel keeps part of its previous output. The part falls where the source
changes, so that nothing trails behind motion, and where the edit changes much, so that a new look appears at once.
"""

from collections.abc import Iterable, Sequence

import torch.nn.functional as F
from torch import Tensor

from lipar_core.stream.compositor import FrameRegion

SOURCE_CHANGE = 3.0  # levels of 255: mean change of the source around a pixel that reduces its smoothing to 1 / e
EDIT_CHANGE = 24.0  # levels: the same for the change of the edit
LARGEST_EXPONENT = 30.0  # its weight is nil, and no denormal number, which processors are slow at


class FlickerFilter:
    """The filter of one stream."""

    def __init__(self) -> None:
        self.newest: tuple[Tensor, Tensor, FrameRegion | None] | None = None  # source and output [3, H, W], region

    def restart(self) -> None:
        """The next frame is not smoothed: its look differs from that of the frame before."""
        self.newest = None

    def __call__(
        self,
        frames: Tensor,
        sources: Iterable[Tensor],
        strength: float,
        noise: float,
        regions: Sequence[FrameRegion | None] = (),
    ) -> None:
        """Smooth edited frames [N, 3, H, W] in [0, 1], in order and in place, by their sources [3, H, W].

        regions: of the frames (none: they are edited everywhere); pixels that enter are not smoothed.
        strength: the part of its previous value that a resting pixel keeps, 0 (off) to 1 (exclusive); noise: sigma of
        the source, levels of 255, which must not count as change.
        """
        if not strength:
            self.restart()
            return
        limit = (SOURCE_CHANGE**2 + 2 * noise**2) ** 0.5
        for frame, source, region in zip(frames, sources, regions or [None] * len(frames), strict=True):
            source = source.float()
            if self.newest is not None:
                earlier_source, earlier, earlier_region = self.newest
                difference = earlier - frame
                resting = (_mean_change(source - earlier_source) / limit).square_()
                agreeing = (_mean_change(difference.clone()) / EDIT_CHANGE).square_()
                weight = resting.add_(agreeing).clamp_(max=LARGEST_EXPONENT).neg_().exp_().mul_(strength)
                if earlier_region is not None:
                    weight.mul_(earlier_region.weight[0] > 0)
                frame.add_(difference.mul_(weight))
            self.newest = source, frame, region


def _mean_change(difference: Tensor) -> Tensor:
    """Overwrites difference [3, H, W] of values in [0, 1] -> its mean absolute value in 3x3 pixels, levels [H, W]."""
    change = F.pad(difference.abs_().sum(dim=0)[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    columns = change[:, :-2] + change[:, 1:-1] + change[:, 2:]  # a fifteenth of the time of avg_pool2d
    return (columns[:-2] + columns[1:-1] + columns[2:]).mul_(255 / 27)
