"""Self-tests: attention against its reference, and a few blocks of the bundled model."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lipar_cli.checks.kernels import available_device, target_shapes
from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target
from lipar_core.errors import LiparError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAX_ERROR = {"float32": 1e-5, "bfloat16": 2e-2}  # relative L2
BLOCKS = 8
MIN_FPS = 12.0  # below it the page calls a stream poor


def check_attention(target: Target) -> Result:
    """Attention on the device that is there: on a GPU by the backend that the server will use."""
    import torch

    from lipar_core.kernels.attention import attention
    from lipar_core.kernels.attention_backends import CHOICE
    from lipar_core.kernels.attention_choice import choose_attention, requested_backend

    device = available_device(target)
    tried = choose_attention(target_shapes(target, device), target.preset.attention)
    backend = CHOICE.backend.name if CHOICE.backend else "PyTorch"
    requested = requested_backend(target.preset.attention)
    rejected = "".join(f"; {name} is not used: {problem}" for name, problem in tried.items() if problem)
    errors = {name: attention_error(attention, device, getattr(torch, name)) for name in MAX_ERROR}
    return judge_attention(f"{backend} on {device.type} (requested: {requested})", errors, rejected)


def judge_attention(backend: str, errors: dict[str, float], rejected: str = "") -> Result:
    """rejected: backends that failed their check, and why."""
    text = f"{backend}, relative error " + ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
    if all(errors[name] <= limit for name, limit in MAX_ERROR.items()):
        return warn(text + rejected, "repair or remove that package, or set LIPAR_ATTENTION") if rejected else ok(text)
    limits = ", ".join(f"{name} {limit:.0e}" for name, limit in MAX_ERROR.items())
    return fail(f"{text}; allowed {limits}", "uninstall flash-attn if it is installed, or install another PyTorch")


def attention_error(attention: Callable[..., "Tensor"], device: "torch.device", dtype: "torch.dtype") -> float:
    """Largest relative L2 error against a float64 softmax, without and with masked keys."""
    import torch

    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(96, 2, 64, generator=generator).to(dtype) for _ in range(3))  # [N, H, D]
    present = torch.arange(96) % 3 > 0
    errors = []
    for mask in (None, present):
        output = attention(q.to(device), k.to(device), v.to(device), None if mask is None else mask.to(device))
        reference = reference_attention(q, k, v, mask)
        errors.append(float((output.cpu().double() - reference).norm() / reference.norm()))
    return max(errors)


def reference_attention(q: "Tensor", k: "Tensor", v: "Tensor", present: "Tensor | None") -> "Tensor":
    """q [N, H, D], k and v [L, H, D] -> [N, H, D] by the definition, in float64."""
    import torch

    scores = torch.einsum("nhd,lhd->hnl", q.double(), k.double()) / q.shape[-1] ** 0.5
    if present is not None:
        scores = scores.masked_fill(~present, float("-inf"))
    return torch.einsum("hnl,lhd->nhd", scores.softmax(-1), v.double())


def check_bundled_model(_: Target) -> Result:
    try:
        fps = bundled_model_fps()
    except LiparError as error:
        return fail(str(error), "install the package again: its bundled weights are damaged")
    return judge_bundled_model(fps)


def judge_bundled_model(fps: float) -> Result:
    text = f"preset tiny edited {BLOCKS} blocks on the CPU, {fps:.{0 if fps >= MIN_FPS else 1}f} frames per second"
    if fps >= MIN_FPS:
        return ok(text)
    return warn(
        f"{text}; live video needs {MIN_FPS:.0f}",
        "end other programs that use the CPU (`top` lists them); on a GPU preset wan-1.3b does not need it",
    )


def bundled_model_fps() -> float:
    """Edit a few blocks of noise with the bundled model; raises `LiparError` if the result is empty."""
    import torch

    from lipar_core.models.loading import load_models
    from lipar_core.presets import load_preset
    from lipar_core.session import EditSession

    preset = load_preset("tiny")
    session: EditSession[int] = EditSession(load_models(preset, "cpu"))
    block = preset.stream.frames_per_block
    frames = torch.rand(BLOCKS * block, 3, preset.stream.height, preset.stream.width)
    session.push(frames[:block], range(block))
    started = time.perf_counter()
    edited = session.push(frames, range(len(frames)))
    seconds = time.perf_counter() - started
    if not edited.frames.isfinite().all() or edited.frames.std() < 0.01:
        raise LiparError("the edited picture is empty")
    return len(frames) / seconds
