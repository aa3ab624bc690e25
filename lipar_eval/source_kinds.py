"""Part 5: what the anchor rule computes of synthetic clips with the properties of real sources."""

from collections.abc import Iterable

import torch

from lipar_core.parameters import Pruning
from lipar_core.pruning.anchor import AnchorDetector
from lipar_eval.summary import Row
from lipar_eval.synthetic_sources import COLS, ROWS, SOURCES

FRAMES_PER_LATENT = 4


@torch.inference_mode()
def source_kinds(pruning: Pruning, names: Iterable[str] = SOURCES) -> list[Row]:
    """A row per source, without the first latent frame, which is always kept.

    `kept`: mean keep ratio; `largest`: of one latent frame; `noise`: estimated sigma at its end, levels of 255.
    """
    rows: list[Row] = []
    for name in names:
        detector = AnchorDetector(ROWS, COLS, 1, FRAMES_PER_LATENT)
        ratios = detector(SOURCES[name]().float() / 255, pruning)[1:].flatten(1).float().mean(dim=1)
        assert detector.noise.sigma is not None
        row: Row = {"source": name, "kept": float(ratios.mean()), "largest": float(ratios.max())}
        rows.append(row | {"noise": float(detector.noise.sigma)})
    return rows
