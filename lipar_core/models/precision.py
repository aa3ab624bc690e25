"""The dtype of each type of operation: by the generation of a GPU, or by a short measurement on this CPU.

Matrix products and convolutions are several times as fast in bfloat16 on CPUs with AVX-512 BF16 or AMX and far slower
on others; attention gains nothing on either. So each type of operation is decided separately.
"""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F

from lipar_core.errors import ConfigError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
MIN_SPEEDUP = (
    1.5  # bfloat16 is chosen from this speed-up on: a gain within measurement noise is not worth its rounding errors
)
MEASURE_REPEATS = 6  # the fastest counts
BFLOAT16_CAPABILITY = (8, 0)  # Ampere: the first GPUs with bfloat16
OPERATIONS = ("linear", "convolution", "attention")

Seconds = Mapping[tuple[str, torch.dtype], float]  # of one operation in a dtype


@dataclass(frozen=True, slots=True)
class Precision:
    """The dtype of each type of operation."""

    linear: torch.dtype
    convolution: torch.dtype
    attention: torch.dtype  # of keys, values and their products

    def __str__(self) -> str:
        """`float32`, or `linear:bfloat16,convolution:bfloat16,attention:float32`; `parse_precision` reads both."""
        values = {kind.name: _dtype_name(getattr(self, kind.name)) for kind in fields(self)}
        if len(set(values.values())) == 1:
            return values["linear"]
        return ",".join(f"{kind}:{value}" for kind, value in values.items())


def uniform(dtype: torch.dtype) -> Precision:
    """One dtype for all operations."""
    return Precision(dtype, dtype, dtype)


def parse_precision(text: str) -> Precision:
    """Inverse of `str(precision)`; raises `ConfigError`."""
    if text in DTYPES:
        return uniform(DTYPES[text])
    pairs = dict(part.partition(":")[::2] for part in text.split(","))
    if pairs.keys() != set(OPERATIONS) or not all(value in DTYPES for value in pairs.values()):
        allowed = f"auto, {', '.join(DTYPES)}, or {','.join(f'{kind}:DTYPE' for kind in OPERATIONS)}"
        raise ConfigError(f"dtype = {text!r}: must be {allowed}")
    return Precision(*(DTYPES[pairs[kind]] for kind in OPERATIONS))


def choose_precision(dtype: str, device: torch.device) -> Precision:
    """`auto` measures on a CPU and depends on the GPU's generation; anything else is parsed. Raises `ConfigError`."""
    if dtype != "auto":
        return parse_precision(dtype)
    if device.type == "cpu":
        return fastest_precision(measure_operations())
    return gpu_precision(torch.cuda.get_device_capability(device))


def gpu_precision(capability: tuple[int, int]) -> Precision:
    """bfloat16 for the transformer, whose values have no bound, where the GPU computes in it.

    float16 for the codec, whose values are small: it rounds eight times as finely at the same speed.
    """
    transformer = torch.bfloat16 if capability >= BFLOAT16_CAPABILITY else torch.float16
    return Precision(linear=transformer, convolution=torch.float16, attention=transformer)


def planned_precision(dtype: str, *, on_gpu: bool) -> Precision:
    """As `choose_precision`, for a device that need not be there: of those that `auto` may give, the largest."""
    if dtype != "auto":
        return parse_precision(dtype)
    return gpu_precision(BFLOAT16_CAPABILITY) if on_gpu else uniform(torch.float32)


def fastest_precision(seconds: Seconds) -> Precision:
    """bfloat16 for the operations that it speeds up by `MIN_SPEEDUP`, float32 for the others."""
    return Precision(*(torch.bfloat16 if bfloat16_is_faster(seconds, kind) else torch.float32 for kind in OPERATIONS))


def bfloat16_is_faster(seconds: Seconds, kind: str) -> bool:
    """Whether bfloat16 speeds up the operation by `MIN_SPEEDUP`."""
    return MIN_SPEEDUP * seconds[kind, torch.bfloat16] <= seconds[kind, torch.float32]


@functools.cache
def measure_operations() -> Seconds:
    """Processor seconds per operation in float32 and bfloat16, measured once per process in about 0.3 s.

    By one thread, whose own time counts: other programs on the CPU then hardly matter.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return {
                (kind, dtype): _best_seconds(_benchmark_operation(kind, dtype))
                for kind in OPERATIONS
                for dtype in (torch.float32, torch.bfloat16)
            }
    finally:
        torch.set_num_threads(threads)


def _benchmark_operation(kind: str, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """One operation in the bundled model's sizes at 416x240."""
    ones = functools.partial(torch.ones, dtype=dtype)
    if kind == "linear":
        x = ones(390, 192)
        weight = ones(1152, 192)
        bias = ones(1152)
        return lambda: F.linear(x, weight, bias)
    if kind == "convolution":
        frames = ones(4, 128, 30, 52)
        kernel = ones(128, 128, 3, 3)
        return lambda: F.conv2d(frames, kernel, padding=1)
    q = ones(1, 6, 390, 32)
    kv = ones(1, 6, 1560, 32)
    return lambda: F.scaled_dot_product_attention(q, kv, kv)


def _best_seconds(work: Callable[[], torch.Tensor]) -> float:
    work()
    best = float("inf")
    for _ in range(MEASURE_REPEATS):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return best


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
