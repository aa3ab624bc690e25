"""Which preset a command runs when none is named."""

import sys

from lipar_core.config import load_preset

CPU_PRESET, GPU_PRESET = "tiny", "wan-1.3b"


def resolve(name: str) -> str:
    """`auto` is the large model where there is CUDA and its weights are there, else the bundled one, and says why."""
    if name != "auto":
        return name
    import torch

    from lipar_core.models import missing_weights

    if not torch.cuda.is_available():
        return CPU_PRESET
    missing = missing_weights(load_preset(GPU_PRESET))
    if not missing:
        return GPU_PRESET
    print(
        f"lipar: this machine has CUDA, but for preset {GPU_PRESET} {'; '.join(missing)} "
        f"(docs/deployment.md says how to get them); running preset {CPU_PRESET}",
        file=sys.stderr,
    )
    return CPU_PRESET
