"""Golden files: recorded runs of the published models, repeated with this package's classes."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lipar_core.checkpoints.checkpoint_file import StateDict
from lipar_core.errors import CheckpointError, ConfigError, one_line
from lipar_core.recorded_run import RecordedRun, TensorPairs

BF16_TOLERANCE = 2e-2  # relative L2, the only bound for 16-bit runs


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The deviation of this install from a recording."""

    path: Path
    kind: str
    error: float
    tolerance: float
    measure: str  # "max abs", "max rel" or "rel L2"
    worst: str  # the tensor with the largest error

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance  # NaN never passes


@dataclass(frozen=True, slots=True)
class GoldenKind:
    """A kind of golden file."""

    name: str
    marker: str  # a tensor that only this kind has
    pairs: Callable[[RecordedRun], TensorPairs]
    tolerance: float  # in float32
    measure: str


KINDS = (
    GoldenKind("Self-Forcing rollout", "source_latent", RecordedRun.self_forcing, 1e-5, "max abs"),
    GoldenKind("LIPAR rollout", "block0.keep", RecordedRun.lipar, 1e-5, "max abs"),
    GoldenKind("TAEHV", "decoder_input", RecordedRun.taehv, 1e-4, "max rel"),
)


def verify_file(path: Path, device: str = "cpu", dtype: str | None = None) -> VerificationResult:
    """Recognise a golden file's kind by its tensors, repeat its run and compare; raises `CheckpointError`."""
    tensors, config = _read_golden_file(path)
    dtype = dtype or str(config.get("dtype", "float32"))  # as recorded, unless overridden
    if dtype not in ("float32", "bfloat16", "float16"):
        raise CheckpointError(f"{path}: config dtype = {dtype!r}: must be float32, bfloat16 or float16")
    run = RecordedRun(tensors, config, torch.device(device), getattr(torch, dtype))
    kind = next((kind for kind in KINDS if kind.marker in tensors), None)
    if kind is None:
        markers = ", ".join(kind.marker for kind in KINDS)
        raise CheckpointError(f"{path}: not a golden file (it has none of {markers})")
    tolerance, measure = kind.tolerance, kind.measure
    if run.dtype != torch.float32:
        tolerance, measure = BF16_TOLERANCE, "rel L2"
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        with torch.inference_mode():
            errors = {name: _max_error(ours, golden, measure) for name, (ours, golden) in kind.pairs(run).items()}
    except KeyError as error:
        raise CheckpointError(f"{path}: {error.args[0]} is missing") from error
    except (ConfigError, CheckpointError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
    worst = max(errors, key=lambda name: math.inf if math.isnan(errors[name]) else errors[name])
    return VerificationResult(path, kind.name, errors[worst], tolerance, measure, worst)


def _read_golden_file(path: Path) -> tuple[StateDict, Mapping[str, object]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            config = json.loads((file.metadata() or {}).get("config", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: unreadable ({one_line(error)[:200]})") from error
    return tensors, config


def _max_error(ours: Tensor, golden: Tensor, measure: str) -> float:
    a = ours.detach().double().cpu()
    b = golden.double().cpu()
    if a.shape != b.shape:
        raise CheckpointError(f"shape {list(b.shape)} recorded, {list(a.shape)} computed")
    if measure == "rel L2":
        return float((a - b).norm() / b.norm())
    worst = (a - b).abs().max()
    return float(worst / b.abs().max() if measure == "max rel" else worst)
