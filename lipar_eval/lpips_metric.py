"""LPIPS (Zhang et al. 2018), if the optional package `lpips` is installed. Frames are [N, 3, H, W] in [0, 1]."""

import torch
from torch import Tensor

from lipar_eval.quality import FRAME_STEP, Metric


def load_lpips() -> tuple[Metric | None, str]:
    """LPIPS by the optional `lpips` package, or None; and a note for the report."""
    try:
        import lpips
    except ImportError:
        return None, "LPIPS not measured: the package lpips is not installed"
    try:
        network = lpips.LPIPS(net="alex", verbose=False).eval()
    except Exception as error:  # downloading the weights can raise any type
        return None, f"LPIPS not measured: its weights cannot be loaded ({error})"

    @torch.inference_mode()
    def measure(a: Tensor, b: Tensor) -> float:
        return float(network(a[::FRAME_STEP] * 2 - 1, b[::FRAME_STEP] * 2 - 1).mean())

    return measure, "LPIPS (AlexNet)"
