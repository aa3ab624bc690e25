"""The Triton kernels against their references, on the device and at the sizes of the target's preset."""

from typing import TYPE_CHECKING

from lipar_cli.checks.result import Result, ok, warn
from lipar_cli.checks.target import Target

if TYPE_CHECKING:
    import torch

    from lipar_core.kernels.shapes import Shapes
    from lipar_core.kernels.start_up import Verdict

INSTALL_TRITON = "install it: the CUDA builds of PyTorch bring it on Linux"


def check_kernels(target: Target) -> Result:
    from lipar_core.kernels.start_up import NOT_INSTALLED, reason_for_references, verify_kernels

    device = available_device(target)
    if reason := reason_for_references(device):
        text = f"none are used: {reason}"
        return warn(text, INSTALL_TRITON) if reason == NOT_INSTALLED else ok(text)
    return judge_kernels(verify_kernels(target_shapes(target, device)))


def judge_kernels(verdicts: "list[Verdict]") -> Result:
    failed = [f"{verdict.name} ({verdict.problem})" for verdict in verdicts if verdict.problem]
    seconds = sum(verdict.seconds for verdict in verdicts)
    text = f"{len(verdicts) - len(failed)} of {len(verdicts)} equal their references, {seconds:.1f} s"
    if failed:
        return warn(f"{text}; not used: {'; '.join(failed)}", "report this with `lipar doctor --json`; all else works")
    return ok(text)


def available_device(target: Target) -> "torch.device":
    """The target's device if it is there, else the CPU."""
    import torch

    usable = target.on_gpu and torch.cuda.is_available()
    return torch.device(target.device if usable else "cpu")


def target_shapes(target: Target, device: "torch.device") -> "Shapes":
    """The sizes that the target's kernels run with. Raises `LiparError` for an unknown dtype."""
    from lipar_core.models.kernel_shapes import kernel_shapes
    from lipar_core.models.precision import choose_precision

    precision = choose_precision(target.settings.dtype or target.preset.dtype, device)
    return kernel_shapes(target.preset, precision, device)
