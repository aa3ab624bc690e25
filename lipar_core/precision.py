"""Which number type each kind of operation runs in, and a short measurement of which is faster on this processor.

Matrix products and convolutions are several times as fast in bfloat16 on processors with AVX-512 BF16 or AMX, far
slower on those without, and attention gains nothing on either: so each kind is decided by itself.
"""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F

from lipar_core.errors import ConfigError

NAMES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
MIN_SPEEDUP = 1.5  # bfloat16 has to be so much faster: a gain that noise could undo is not worth its rounding
TRIAL_REPEATS = 6  # the best of these counts: another program's turn on the processor lengthens the others
KINDS = ("linear", "convolution", "attention")

Seconds = Mapping[tuple[str, torch.dtype], float]  # of one operation of a kind in a dtype


@dataclass(frozen=True, slots=True)
class Precision:
    """The dtype of each kind of operation."""

    linear: torch.dtype
    convolution: torch.dtype
    attention: torch.dtype  # of keys, values and their products

    def __str__(self) -> str:
        """`float32`, or `linear:bfloat16,convolution:bfloat16,attention:float32`; `parse_precision` reads both."""
        values = {kind.name: _name(getattr(self, kind.name)) for kind in fields(self)}
        if len(set(values.values())) == 1:
            return values["linear"]
        return ",".join(f"{kind}:{value}" for kind, value in values.items())


def uniform(dtype: torch.dtype) -> Precision:
    """Everything in one dtype."""
    return Precision(dtype, dtype, dtype)


def parse_precision(text: str) -> Precision:
    """Read what `str(precision)` wrote; raises `ConfigError`."""
    if text in NAMES:
        return uniform(NAMES[text])
    pairs = dict(part.partition(":")[::2] for part in text.split(","))
    if pairs.keys() != set(KINDS) or not all(value in NAMES for value in pairs.values()):
        allowed = f"auto, {', '.join(NAMES)}, or {','.join(f'{kind}:DTYPE' for kind in KINDS)}"
        raise ConfigError(f"dtype = {text!r}: must be {allowed}")
    return Precision(*(NAMES[pairs[kind]] for kind in KINDS))


def choose_precision(dtype: str, device: torch.device) -> Precision:
    """`auto` measures on a CPU and is float32 elsewhere; everything else is parsed. Raises `ConfigError`."""
    if dtype != "auto":
        return parse_precision(dtype)
    return fastest(measure_kinds()) if device.type == "cpu" else uniform(torch.float32)


def fastest(seconds: Seconds) -> Precision:
    """bfloat16 for the kinds in which it is faster by `MIN_SPEEDUP`, float32 for the others."""
    return Precision(*(torch.bfloat16 if bfloat16_wins(seconds, kind) else torch.float32 for kind in KINDS))


def bfloat16_wins(seconds: Seconds, kind: str) -> bool:
    """Whether one kind of operation is faster in bfloat16 by `MIN_SPEEDUP`."""
    return MIN_SPEEDUP * seconds[kind, torch.bfloat16] <= seconds[kind, torch.float32]


@functools.cache
def measure_kinds() -> Seconds:
    """Seconds of each kind in float32 and bfloat16, once per process: some 0.2 s."""
    with torch.inference_mode():
        return {
            (kind, dtype): _best_seconds(_operation(kind, dtype))
            for kind in KINDS
            for dtype in (torch.float32, torch.bfloat16)
        }


def _operation(kind: str, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """One operation of the sizes that the bundled model has at 416x240."""
    ones = functools.partial(torch.ones, dtype=dtype)
    if kind == "linear":
        x, weight, bias = ones(390, 192), ones(1152, 192), ones(1152)
        return lambda: F.linear(x, weight, bias)
    if kind == "convolution":
        frames, kernel = ones(4, 128, 30, 52), ones(128, 128, 3, 3)
        return lambda: F.conv2d(frames, kernel, padding=1)
    q, kv = ones(1, 6, 390, 32), ones(1, 6, 1560, 32)
    return lambda: F.scaled_dot_product_attention(q, kv, kv)


def _best_seconds(work: Callable[[], torch.Tensor]) -> float:
    work()
    best = float("inf")
    for _ in range(TRIAL_REPEATS):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
