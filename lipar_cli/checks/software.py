"""Python, PyTorch, FFmpeg's codecs, and the releases of aiortc and aioice."""

import ctypes
import platform
import sys
from dataclasses import dataclass

from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target
from lipar_cli.presets import DRIVERS

MIN_PYTHON = (3, 11)
CODECS = {"libx264": "H.264 output", "h264": "H.264 input", "libvpx": "VP8", "aac": "audio of files"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchFacts:
    """PyTorch's build and the NVIDIA driver. CUDA versions are (major, minor)."""

    version: str
    build_cuda: tuple[int, int] | None  # None: a CPU build
    driver_cuda: tuple[int, int] | None  # the newest CUDA that the driver supports; None: no driver
    usable: bool  # `torch.cuda.is_available()`


def check_python(_: Target) -> Result:
    return judge_python(sys.version_info[:3])


def judge_python(version: tuple[int, int, int]) -> Result:
    text = f"{'.'.join(map(str, version))} on {platform.platform()}"
    if version[:2] < MIN_PYTHON:
        return fail(text, f"install Python {'.'.join(map(str, MIN_PYTHON))} or newer")
    return ok(text)


def check_torch(target: Target) -> Result:
    import torch

    build = None if torch.version.cuda is None else _version_pair(torch.version.cuda)
    facts = TorchFacts(
        version=torch.__version__, build_cuda=build, driver_cuda=driver_cuda(), usable=torch.cuda.is_available()
    )
    return judge_torch(facts, target.on_gpu)


def judge_torch(facts: TorchFacts, needs_gpu: bool) -> Result:
    build = (
        f"PyTorch {facts.version} ({'CPU build' if facts.build_cuda is None else 'CUDA ' + _dotted(facts.build_cuda)})"
    )
    if facts.driver_cuda is None:
        text = f"{build}, no NVIDIA driver"
        return fail(text, "install the NVIDIA driver, or use --preset tiny") if needs_gpu else ok(text)
    text = f"{build}, driver for CUDA {_dotted(facts.driver_cuda)}"
    if facts.build_cuda is None:
        remedy = "install PyTorch's CUDA build: pip install --force-reinstall torch (https://pytorch.org/get-started)"
        return fail(text, remedy) if needs_gpu else warn(text, remedy)
    if facts.driver_cuda[0] < facts.build_cuda[0]:  # minor versions of one major are compatible
        return fail(text, f"update the NVIDIA driver, or install a PyTorch build for CUDA {facts.driver_cuda[0]}")
    if not facts.usable:
        return fail(f"{text}, but no usable CUDA device", "run nvidia-smi; in a container: start it with the GPU")
    return ok(text)


def driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA version that the installed NVIDIA driver supports; None without a driver."""
    for library in DRIVERS:
        try:
            driver = ctypes.CDLL(library)
        except OSError:
            continue
        version = ctypes.c_int()
        if driver.cuDriverGetVersion(ctypes.byref(version)) == 0:
            return version.value // 1000, version.value % 1000 // 10
    return None


def check_codecs(_: Target) -> Result:
    import av

    return judge_codecs(av.__version__, {name for name in CODECS if name in av.codecs_available})


def judge_codecs(version: str, present: set[str]) -> Result:
    missing = [f"{name} ({use})" for name, use in CODECS.items() if name not in present]
    if missing:
        return fail(f"PyAV {version} lacks {', '.join(missing)}", "install PyAV's own wheel: pip install av")
    return ok(f"PyAV {version}: {', '.join(CODECS)}")


def check_aiortc(_: Target) -> Result:
    """Whether our patches of aiortc and aioice were written for the installed releases."""
    import aioice
    import aiortc

    from server.media.aiortc_patches import check_versions

    try:
        check_versions()
    except RuntimeError as error:
        return fail(str(error), "pip install -c constraints.txt aiortc aioice")
    return ok(f"aiortc {aiortc.__version__}, aioice {aioice.__version__}")


def _version_pair(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor.partition(".")[0] or 0)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
