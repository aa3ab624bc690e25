"""What anyone with a GPU runs first: kernels, attention, graphs, recorded runs, host waits and memory, as one report.

python -m benchmarks.gpu_report [DEVICE], by default cuda; exit code 1 if something failed
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import torch

from harness.local import ROOT
from lipar_core.config import Preset
from lipar_core.errors import LiparError
from lipar_core.kernels.attention_backends import CHOICE
from lipar_core.kernels.attention_choice import choose_attention
from lipar_core.kernels.operations import FP8_OPERATIONS
from lipar_core.kernels.start_up import kernels_mode, reason_for_references, verify_each, verify_kernels
from lipar_core.memory_plan import stream_plan
from lipar_core.models.devices import select_device
from lipar_core.models.fp8_layers import FP8_CAPABILITY
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.loading import Models, load_models
from lipar_core.models.precision import uniform
from lipar_core.presets import default_parameters, load_preset, with_random_weights
from lipar_core.runtime.recorded_graphs import recorded_graphs
from lipar_core.session import EditSession
from lipar_core.verify import verify_file
from lipar_eval.gate import GATED_BLOCKS, stream_gate
from lipar_eval.throughput import ForcedMasks

Line = tuple[str, bool, str]  # what was tested, whether it passed, the finding
DTYPES = (torch.bfloat16, torch.float16)
GOLDEN = ROOT / "tests" / "data"
BLOCKS = 4
MAX_HOST_WAITS = 1  # per block: the number of kept tokens
MAX_OVER_PLAN = 1.05  # of the allocator's peak, which rounds sizes up
MIB = 2**20


def kernels(device: torch.device) -> Iterator[Line]:
    if reason := reason_for_references(device):
        yield "kernels", device.type == "cpu", f"none are used: {reason}"
        return
    for dtype in DTYPES:
        shapes = kernel_shapes(load_preset("wan-1.3b"), uniform(dtype), device)
        verdicts = verify_kernels(shapes)
        if torch.cuda.get_device_capability(device) >= FP8_CAPABILITY:
            verdicts += verify_each(FP8_OPERATIONS, shapes)
        for verdict in verdicts:
            finding = verdict.problem or f"equals its reference, {verdict.seconds:.1f} s"
            yield f"kernel {verdict.name}, {_name(dtype)}", not verdict.problem, finding


def attention(device: torch.device) -> Iterator[Line]:
    for dtype in DTYPES:
        tried = choose_attention(kernel_shapes(load_preset("wan-1.3b"), uniform(dtype), device))
        problems = "".join(f"; {name}: {problem}" for name, problem in tried.items() if problem)
        backend = CHOICE.backend.name if CHOICE.backend else "PyTorch's own choice"
        yield f"attention, {_name(dtype)}", CHOICE.backend is not None or device.type == "cpu", backend + problems


def recorded_runs(device: torch.device) -> Iterator[Line]:
    for path in sorted(GOLDEN.glob("*.safetensors")):
        for dtype in (torch.float32, *DTYPES):
            result = verify_file(path, str(device), _name(dtype))
            finding = f"{result.measure} {result.error:.1e}, allowed {result.tolerance:.0e} ({result.worst})"
            yield f"{path.stem}, {_name(dtype)}", result.passed, finding


def session(device: torch.device) -> Iterator[Line]:
    """A few blocks of the bundled model, and on a GPU of the large one with random weights."""
    if device.type == "cpu":
        yield from _session(load_models(load_preset("tiny"), "cpu", "float32"))
        return
    for preset, dtype in ((load_preset("tiny"), "bfloat16"), *((random_large(), name) for name in map(_name, DTYPES))):
        models = load_models(preset, str(device), dtype)
        for what, passed, finding in _session(models):
            yield f"{preset.name}, {dtype}: {what}", passed, finding
        del models
        torch.cuda.empty_cache()


def random_large() -> Preset:
    return with_random_weights(load_preset("wan-1.3b"))


def _session(models: Models) -> Iterator[Line]:
    """Output, graphs, host waits, and memory against the plan."""
    stream = models.preset.stream
    if models.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(models.device)
    edit: EditSession[int] = EditSession(models)
    noise = torch.rand(2 * BLOCKS, 1, 3, stream.height, stream.width, device=models.device)
    edited = _edit(edit, noise)
    yield "session", bool(edited.isfinite().all()) and float(edited.std()) > 0.01, f"{len(edited)} frames are finite"
    yield _gate(models, noise[0].expand(stream.frames_per_block, -1, -1, -1))
    if models.device.type == "cuda":
        yield from _graphs(edit)
        yield _waits(edit, noise)
        yield _memory(models)


def _edit(edit: EditSession[int], noise: torch.Tensor) -> torch.Tensor:
    """Two blocks per frame of noise [n, 1, 3, H, W]: one in full, and one that is still but for refreshed tokens."""
    size = edit.stream.frames_per_block
    done = []
    for frame in noise:
        for _ in range(2):
            done.append(edit.push(frame.expand(size, -1, -1, -1), range(size)).frames)
            edit.finish_block()
    return torch.cat(done)


def _waits(edit: EditSession[int], noise: torch.Tensor) -> Line:
    """With all graphs recorded."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as waits:
            warnings.simplefilter("always")
            _edit(edit, noise[:BLOCKS])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    places = sorted({f"{Path(wait.filename).name}:{wait.lineno}" for wait in waits})
    finding = f"{len(waits)} in {2 * BLOCKS} blocks{'; '.join(['', *places])}"
    return "host waits", len(waits) <= 2 * BLOCKS * MAX_HOST_WAITS, finding


def _memory(models: Models) -> Line:
    plan = stream_plan(models.preset, 1, models.precision, on_gpu=True).total
    taken = torch.cuda.max_memory_allocated(models.device)
    reserved = torch.cuda.max_memory_reserved(models.device)
    finding = f"planned {plan / MIB:.0f}, allocated {taken / MIB:.0f}, reserved {reserved / MIB:.0f} MiB at most"
    return "memory", taken <= MAX_OVER_PLAN * plan, finding


def _graphs(edit: EditSession[int]) -> Iterator[Line]:
    for part in recorded_graphs(edit.passes.graphs, edit.models.codec):
        problems = "".join(f"; {name}: {problem}" for name, problem in part.problems.items())
        passed = 0 < part.recorded == part.total or kernels_mode() == "reference"
        yield f"graphs, {part.part}", passed, f"{part.recorded} of {part.total} recorded and equal{problems}"


def _gate(models: Models, frames: torch.Tensor) -> Line:
    """A stream's first blocks against the published style, half of the tokens kept."""
    masks = ForcedMasks(models, 0.5)
    gate = stream_gate(models, default_parameters(models.preset), [frames] * GATED_BLOCKS, masks)
    assert gate is not None
    return "x0 to the published style", gate.passed, f"relative L2 {gate.error:.1e}, allowed {gate.limit:.0e}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


SECTIONS: tuple[Callable[[torch.device], Iterator[Line]], ...] = (kernels, attention, recorded_runs, session)


def main(device_name: str) -> int:
    try:
        device = select_device(device_name)
    except LiparError as error:
        print(error)
        return 1
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    lines = []
    for section in SECTIONS:
        for what, passed, finding in section(device):
            lines.append((what, passed, finding))
            print(text_of(what, passed, finding), flush=True)
    print_summary(f"{gpu}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}, {date.today()}", lines)
    return 0 if all(passed for _, passed, _ in lines) else 1


def text_of(what: str, passed: bool, finding: str) -> str:
    return f"{'ok  ' if passed else 'FAIL'}  {what:48} {finding}"


def print_summary(machine: str, lines: Sequence[Line]) -> None:
    """What to paste into a report: the machine, and every line that failed."""
    failed = [line for line in lines if not line[1]]
    print(f"\nsummary: {machine}")
    print(f"{len(lines) - len(failed)} of {len(lines)} passed{':' if failed else ''}")
    for line in failed:
        print(text_of(*line))


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["cuda"])))
