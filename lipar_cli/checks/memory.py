"""GPU memory and main memory against what the preset's plan counts."""

import os
import re
from pathlib import Path

from lipar_cli.checks.gpu import gpu_facts
from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target
from lipar_core.config import Preset
from lipar_core.kinds.text import UMT5Config
from lipar_core.memory_plan import MemoryPlan, stream_plan
from lipar_core.weight_files import locate

MAX_RATIO = 0.85  # of the memory that the counted parts may take: the rest is for what is not counted
NOT_COUNTED = "not counted: libraries, other programs"
MEMINFO = Path("/proc/meminfo")


def check_gpu_memory(target: Target) -> Result:
    if not target.on_gpu:
        return ok(f"preset {target.preset.name} runs on the CPU")
    vram = available_vram(target)
    if vram is None:
        return fail("no CUDA device", "give its memory with --vram GB to see the plan")
    remedy = f"load the text encoder on the CPU (text.device: cpu){_int8_remedy(target)}"
    return judge_memory(gpu_plan(target, vram), vram, remedy)


def check_memory(target: Target) -> Result:
    plan = host_plan(target, available_vram(target))
    if not plan.total:
        return ok("nothing of the model stays in main memory")
    return judge_memory(plan, available_memory(), f"close other programs{_int8_remedy(target)}")


def available_vram(target: Target) -> int | None:
    if target.vram_gb is not None:
        return int(target.vram_gb * 2**30)
    facts = gpu_facts(target.device)
    return None if facts is None else facts.memory


def gpu_plan(target: Target, vram: int) -> MemoryPlan:
    plan = device_plan(target)
    if target.preset.text.runs_on_gpu(vram):
        plan.shared["text encoder"] = _text_bytes(target.preset)
    return plan


def host_plan(target: Target, vram: int | None) -> MemoryPlan:
    """Main memory: everything for a CPU preset; for a GPU preset the text encoder, if it is not on the GPU."""
    if target.on_gpu:
        on_gpu = vram is not None and target.preset.text.runs_on_gpu(vram)
        shared = {} if on_gpu else {"text encoder": _text_bytes(target.preset)}
        return MemoryPlan(shared=shared, per_session={}, sessions=target.settings.max_sessions)
    plan = device_plan(target)
    plan.shared["text encoder"] = _text_bytes(target.preset)
    return plan


def device_plan(target: Target) -> MemoryPlan:
    """On a CPU `auto` counts as float32, the larger of its two results."""
    from lipar_core.models.precision import planned_precision

    dtype = target.settings.dtype or target.preset.dtype
    precision = planned_precision(dtype, on_gpu=target.on_gpu)
    return stream_plan(target.preset, target.settings.max_sessions, precision, on_gpu=target.on_gpu)


def _text_bytes(preset: Preset) -> int:
    return preset.text.memory_bytes(locate(preset.weights.text), preset.transformer)


def _int8_remedy(target: Target) -> str:
    """A further remedy, unless it is applied already."""
    text = target.preset.text
    if not isinstance(text, UMT5Config) or text.dtype == "int8":
        return ""
    return ", or the text encoder in 8 bits (--text-dtype int8)"


def judge_memory(plan: MemoryPlan, available: int, remedy: str) -> Result:
    text = f"{plan} = {plan.total / 2**30:.1f} of {available / 2**30:.1f} GiB; {NOT_COUNTED}"
    if plan.per_session:
        text += f"; sessions that fit in {MAX_RATIO:.0%}: {plan.sessions_within(int(MAX_RATIO * available))}"
    fewer = f"fewer sessions (LIPAR_MAX_SESSIONS, now {plan.sessions}), or {remedy}" if plan.per_session else remedy
    if plan.total > available:
        return fail(text, fewer)
    if plan.total > MAX_RATIO * available:
        return warn(f"{text}; more than {MAX_RATIO:.0%} is used", fewer)
    return ok(text)


def available_memory() -> int:
    """Bytes that new programs can use; outside Linux all of the memory."""
    if MEMINFO.exists() and (match := re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)):
        return int(match[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
