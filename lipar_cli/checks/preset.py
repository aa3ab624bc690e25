"""Which bundled preset fits the card."""

from lipar_cli.checks.gpu import GpuFacts, gpu_facts
from lipar_cli.checks.memory import available_vram
from lipar_cli.checks.result import Result, ok
from lipar_cli.checks.target import Target
from lipar_core.memory_plan import stream_plan
from lipar_core.presets import load_preset

CPU_PRESET, GPU_PRESET = "tiny", "wan-1.3b"
BY_CAPABILITY = {(8, 9): "wan-1.3b-rtx4090", (9, 0): "wan-1.3b-hopper"}  # those that differ from wan-1.3b


def check_preset(target: Target) -> Result:
    from lipar_core.models.precision import planned_precision

    vram = available_vram(target)
    if vram is None:
        return judge_preset(None, None, 0, target.preset.name)
    facts = None if target.vram_gb is not None else gpu_facts(target.device)
    preset = load_preset(preset_of_card(facts))
    plan = stream_plan(preset, 1, planned_precision(preset.dtype, on_gpu=True), on_gpu=True)
    return judge_preset(facts, vram, plan.total, target.preset.name)


def preset_of_card(facts: GpuFacts | None) -> str:
    """Of those for a GPU; facts: None if only the memory of a card is known."""
    return GPU_PRESET if facts is None else BY_CAPABILITY.get(facts.capability, GPU_PRESET)


def judge_preset(facts: GpuFacts | None, vram: int | None, planned: int, chosen: str) -> Result:
    """planned: bytes of one session of the card's preset; chosen: the preset that is checked."""
    if vram is None:
        return ok(f"{CPU_PRESET} fits: no CUDA device{_instead(chosen, CPU_PRESET)}")
    preset, size = preset_of_card(facts), vram / 2**30
    card = f"a GPU with {size:.0f} GiB" if facts is None else f"{facts.name}, {size:.0f} GiB"
    needed = f"one session of {preset} is planned with {planned / 2**30:.1f} GiB, without its text encoder"
    if planned > vram:
        return ok(f"{CPU_PRESET} fits {card}: {needed}{_instead(chosen, CPU_PRESET)}")
    return ok(f"{preset} fits {card}: {needed}{_instead(chosen, preset)}")


def _instead(chosen: str, fitting: str) -> str:
    return "" if chosen == fitting else f"; checked is {chosen} (--preset {fitting} selects the other)"
