"""At start-up: chooses the attention backend of this GPU, after a check against attention in float32."""

import logging
import os
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from lipar_core.errors import ConfigError
from lipar_core.kernels.attention_backends import BACKENDS, CHOICE, Backend, candidates
from lipar_core.kernels.self_test import failure_text, relative_error
from lipar_core.kernels.shapes import Shapes
from lipar_core.load_progress import report_load_progress

log = logging.getLogger(__name__)

VARIABLE = "LIPAR_ATTENTION"
REFERENCE_QUERIES = 64  # of all queries: each is independent of the others, and the reference needs all scores
TEXT_LENGTH = 512


def requested_backend(by_preset: str = "auto") -> str:
    """`auto`, `pytorch` or a backend's name: the variable's, else the preset's. Raises `ConfigError`."""
    name = os.environ.get(VARIABLE) or by_preset
    allowed = ("auto", "pytorch", *BACKENDS)
    if name not in allowed:
        raise ConfigError(f"{VARIABLE} = {name!r}: must be {', '.join(allowed[:-1])} or {allowed[-1]}")
    return name


def choose_attention(shapes: Shapes, by_preset: str = "auto") -> dict[str, str]:
    """Use the first backend that passes its check; returns the problem of each that was tried (empty: used).

    by_preset: what the preset names. One that is named is the only one tried.
    """
    CHOICE.backend = None
    requested = requested_backend(by_preset)
    if shapes.device.type != "cuda" or shapes.attention == torch.float32 or requested == "pytorch":
        return {}
    major, _ = torch.cuda.get_device_capability(shapes.device)
    tried = first_working(candidates(major, requested), shapes)
    log.info("attention: %s", CHOICE.backend.name if CHOICE.backend else "PyTorch's own choice")
    return tried


@torch.inference_mode()
def first_working(backends: Iterable[Backend], shapes: Shapes) -> dict[str, str]:
    """Set the choice to the first backend without a problem; one that a package is missing for has one, too."""
    tried = {}
    for backend in backends:
        report_load_progress(f"checking attention backend {backend.name}")
        tried[backend.name] = problem = _problem(backend, shapes)
        if not problem:
            CHOICE.backend = backend
            break
        log.warning("attention backend %s is not used: %s", backend.name, problem)
    return tried


def _problem(backend: Backend, shapes: Shapes) -> str:
    try:
        error = max(backend_error(backend, *example) for example in examples(shapes))
    except torch.AcceleratorError:
        raise  # the device is lost: only a new process can use it again
    except Exception as failure:  # a missing package, or whatever it reports: another backend needs neither
        return failure_text(failure)
    return "" if error <= backend.max_error else f"relative error {error:.1e}, allowed {backend.max_error:.0e}"


def examples(shapes: Shapes) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Queries, keys and values of a stream's first block, of full and pruned blocks, and of the prompt."""
    row = shapes.heads, shapes.head_dim
    full = shapes.cached_frames * shapes.tokens
    sizes = [(count, full) for count in shapes.kept_counts() if count]
    sizes += [(shapes.block_tokens, shapes.block_tokens), (shapes.block_tokens, TEXT_LENGTH)]
    for queries, keys in sizes:
        k, v = shapes.normal(2, 1, keys, *row, dtype=shapes.attention)
        yield shapes.normal(1, queries, *row, dtype=shapes.attention), k, v


def backend_error(backend: Backend, q: Tensor, k: Tensor, v: Tensor) -> float:
    """Relative L2 error of a sample of the queries; NaN where one is NaN."""
    result = backend.run(q, k, v)
    if not bool(result.isfinite().all()):
        return float("inf")
    step = max(1, q.shape[1] // REFERENCE_QUERIES)
    return relative_error(result[:, ::step], float32_attention(q[:, ::step], k, v))


def float32_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q [B, N, H, D], k and v [B, L, H, D] -> [B, N, H, D] by the definition."""
    scores = torch.einsum("bnhd,blhd->bhnl", q.float(), k.float()) / q.shape[-1] ** 0.5
    return torch.einsum("bhnl,blhd->bnhd", scores.softmax(-1), v.float())
