"""The machine and software that measurements were made with."""

import platform
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch


def machine_info(device: torch.device) -> dict[str, str]:
    """The machine and software of the measurements, with two calibration values of the same run."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    size = 8192 if device.type == "cuda" else 1024
    a, b = torch.randn(2, size, size, device=device)
    flops = 2 * size**3 / _best_seconds(lambda: (a @ b).sum().item())
    source = torch.empty(2**28 if device.type == "cuda" else 2**25, device=device)
    target = torch.empty_like(source)

    def copy() -> object:
        target.copy_(source)
        return target[0].item()  # waits for the device

    moved = 2 * source.numel() * 4 / _best_seconds(copy)
    return {
        "date": date.today().isoformat(),
        "machine": f"{name}, {torch.get_num_threads()} threads, {platform.system()}",
        "software": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
        "calibration": f"float32 matmul {flops / 1e9:.0f} GFLOP/s, copy {moved / 1e9:.1f} GB/s",
    }


def peak_memory(device: torch.device) -> dict[str, int]:
    """Bytes at most since the process started: on a GPU those of PyTorch's allocator, else of the whole process."""
    if device.type == "cuda":
        allocated, reserved = torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
        return {"allocated": allocated, "reserved": reserved}
    return {"process": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def memory_now(device: torch.device) -> int:
    """Bytes taken now: on a GPU by PyTorch's tensors, else by the whole process (its peak outside Linux)."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_memory(device)["process"]
    return pages * resource.getpagesize()


def _best_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
