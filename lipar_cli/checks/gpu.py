"""The GPU: its compute capability, and its H.264 encoder."""

from dataclasses import dataclass

from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target

BFLOAT16_CAPABILITY = (8, 0)  # Ampere: the first with bfloat16 and FlashAttention 2


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuFacts:
    """One CUDA device, and what PyTorch's build was compiled for."""

    name: str
    capability: tuple[int, int]
    memory: int  # bytes
    built_for: tuple[str, ...]  # "sm_90", "compute_90"


def check_gpu(target: Target) -> Result:
    return judge_gpu(gpu_facts(target.device), target.device, target.on_gpu)


def gpu_facts(device: str) -> GpuFacts | None:
    """The device, or the first CUDA device if it is not one; None without CUDA."""
    import torch

    index = torch.device(device).index or 0
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        return None
    properties = torch.cuda.get_device_properties(index)
    return GpuFacts(
        name=properties.name,
        capability=(properties.major, properties.minor),
        memory=properties.total_memory,
        built_for=tuple(torch.cuda.get_arch_list()),
    )


def judge_gpu(facts: GpuFacts | None, device: str, needs_gpu: bool) -> Result:
    if facts is None:
        text = f"no CUDA device {device}" if needs_gpu else "none: the bundled model runs on the CPU"
        return fail(text, "use --preset tiny, or a machine with an NVIDIA GPU") if needs_gpu else ok(text)
    major, minor = facts.capability
    text = f"{facts.name}, {facts.memory / 2**30:.0f} GiB, compute capability {major}.{minor}"
    if not _is_supported(facts):
        return fail(f"{text}: not in PyTorch's build ({', '.join(facts.built_for)})", "install another PyTorch build")
    if facts.capability < BFLOAT16_CAPABILITY:
        return warn(f"{text}: bfloat16 is slow and FlashAttention 2 does not run before 8.0", "use a newer GPU")
    return ok(text)


def _is_supported(facts: GpuFacts) -> bool:
    """Binaries run on later minor versions of their major; PTX (`compute_`) is compiled for every later device."""
    major, minor = facts.capability
    for name in facts.built_for:
        kind, _, digits = name.partition("_")
        digits = digits.rstrip("af")  # architecture-specific variants: sm_90a
        if not digits.isdecimal():
            continue  # a build for GPUs of another maker
        built = int(digits[:-1]), int(digits[-1])
        if kind == "compute" and built <= facts.capability:
            return True
        if kind == "sm" and built[0] == major and built[1] <= minor:
            return True
    return False


def check_nvenc(target: Target) -> Result:
    """Encode a frame with each H.264 encoder until one works, as the server does at its start."""
    from server.media.h264 import h264_encoder

    return judge_nvenc(h264_encoder(), gpu_facts(target.device) is not None)


def judge_nvenc(encoder: str | None, has_gpu: bool) -> Result:
    if encoder is None:
        return warn("no H.264 encoder works: the edited video is VP8", "install PyAV's own wheel: pip install av")
    if encoder == "h264_nvenc" or not has_gpu:
        return ok(f"the edited video is encoded by {encoder}")
    return warn(
        f"NVENC does not work: the edited video is encoded by {encoder} on the CPU",
        "nothing to do on A100, H100 and H200, which have no NVENC; in a container add the driver capability `video`",
    )
