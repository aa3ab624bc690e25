"""Chooses the preset if none is given. Never imports torch: `lipar serve` calls it in the web process."""

import ctypes
import subprocess
import sys

from lipar_core.presets import load_preset
from lipar_core.weight_files import download_command, missing_weights

CPU_PRESET, GPU_PRESET = "tiny", "wan-1.3b"
DRIVERS = ("libcuda.so.1", "nvcuda.dll")  # NVIDIA's, on Linux and on Windows
CUDA_CHECK = "import sys, torch; sys.exit(not torch.cuda.is_available())"


def resolve(name: str) -> str:
    """`auto` means the large model if CUDA and its weights are available, else the bundled one, with a note why."""
    if name != "auto":
        return name
    if not has_cuda():
        return CPU_PRESET
    missing = missing_weights(load_preset(GPU_PRESET))
    if not missing:
        return GPU_PRESET
    print(
        f"lipar: this machine has CUDA, but for preset {GPU_PRESET} {'; '.join(missing)} "
        f"(`{download_command(GPU_PRESET)}` gets them); running preset {CPU_PRESET}",
        file=sys.stderr,
    )
    return CPU_PRESET


def has_cuda() -> bool:
    """Whether PyTorch can use a GPU: checked in a separate process if there is a driver."""
    return has_driver() and subprocess.run([sys.executable, "-c", CUDA_CHECK], check=False).returncode == 0


def has_driver() -> bool:
    for library in DRIVERS:
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return True
    return False
