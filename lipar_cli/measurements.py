"""One run of `lipar bench`: its parts print their results and collect them for the JSON file and the report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipar_cli.bench_tables import print_counters, print_rows, print_variants
from lipar_core.sizes import size_name

if TYPE_CHECKING:
    from torch import Tensor

    from lipar_core.models.loading import Models


class Measurements:
    """Of one machine and model."""

    def __init__(self, models: "Models", blocks: int) -> None:
        """blocks: measured per variant."""
        from lipar_eval.machine import machine_info

        self.models, self.blocks = models, blocks
        self.sessions = 1  # at most at the same time
        machine = machine_info(models.device)
        stream = models.preset.stream
        self.results: dict[str, Any] = {"machine": machine, "preset": models.preset.name, "size": size_name(stream)}
        self.results["dtype"] = str(models.precision)
        print("\n".join(f"{name}: {value}" for name, value in machine.items()))
        print(f"picture: {size_name(stream)}, {models.precision}")

    def require_blocks(self, paths: Sequence[Path]) -> None:
        """Before anything is measured: raises `LiparError` for a clip that is shorter than a block."""
        from lipar_eval.throughput import require_blocks

        require_blocks(self.models, paths)

    def forced(self, ratios: Sequence[float], counted_ratios: Sequence[float]) -> None:
        """Forced keep ratios, and the counters of blocks of some of them."""
        from lipar_eval import throughput

        forced = throughput.forced_ratios(self.models, ratios, self.blocks)
        print_variants(f"forced keep ratios, {self.blocks} blocks per variant, interleaved", forced)
        right = [variant for variant in forced if variant.passed]
        if len(right) > 1:
            t0, t1 = throughput.affine_fit(right)
            print(
                f"milliseconds per block = {t0:.1f} + {t1:.1f} x keep ratio: {t0 / (t0 + t1):.0%} is independent of it"
            )
            self.results["fit_ms"] = {"t0": t0, "t1": t1}
        frames = throughput.random_block(self.models)
        chosen = [variant for variant, ratio in zip(forced, ratios, strict=True) if ratio in counted_ratios]
        counted = {variant.name: variant.counters(frames) for variant in chosen}
        print_counters("counters of a whole block", counted)
        self.results["forced"] = [variant.to_json() for variant in forced]
        self.results["counters"] = {name: counters.to_json() for name, counters in counted.items()}
        forced[0].session.close()

    def arms(self, ratios: Sequence[float]) -> None:
        """The engine with each of its parts replaced, and the published style."""
        from lipar_eval.bench_arms import measure_arms

        rows = [arm.to_json() for ratio in ratios for arm in measure_arms(self.models, ratio, self.blocks)]
        self._add("arms", f"arms, {self.blocks} blocks each, interleaved; times_ours: of the first arm's time", rows)

    def dtypes(self, ratios: Sequence[float]) -> None:
        """The preset in other dtypes."""
        from lipar_eval.dtype_variants import measure_dtypes

        rows = [result.to_json() for result in measure_dtypes(self.models, ratios, self.blocks)]
        self._add("dtypes", f"dtypes, {self.blocks} blocks each, in turn with {self.models.precision}", rows)

    def paper(self, ratios: Sequence[float]) -> None:
        from lipar_eval.paper_pairing import paper_pairing

        arms = paper_pairing(self.models, ratios, clips := max(1, self.blocks // 8))
        self.sessions = max(self.sessions, len(arms))
        title = f"the paper's own pairing, {clips} clips of {arms[0].blocks} blocks each: much of it is the window"
        self._add("paper", title, [arm.to_json() for arm in arms])

    def sessions_at_once(self, counts: Sequence[int], ratio: float) -> None:
        from lipar_eval.session_scaling import session_scaling

        scaling = session_scaling(self.models, counts, ratio, self.blocks)
        self.sessions = max(self.sessions, *counts)
        title = f"sessions that take turns, keep ratio {ratio}, {self.blocks} blocks each"
        self._add("sessions", title, [item.to_json() for item in scaling])

    def streams(self, rates: Sequence[float], seconds: float) -> None:
        from lipar_eval.bench_clips import bench_clip
        from lipar_eval.paced_stream import paced_stream

        clip = bench_clip("person", self.models.preset.stream)
        rows = [paced_stream(self.models, clip, rate, seconds).to_json() for rate in rates]
        self._add("streams", f"paced streams of {seconds:g} s, in real time", rows)

    def profile(self, ratio: float, path: Path) -> None:
        from lipar_eval.block_trace import TRACED_BLOCKS, write_trace

        rows = write_trace(self.models, ratio, path)
        self._add("profile", f"operations of {TRACED_BLOCKS} blocks at keep ratio {ratio}, by their own time", rows)
        print(f"trace written to {path}")

    def clips(self, paths: Sequence[Path], synthetic: Sequence[str]) -> None:
        """Each clip with pruning off and by each detector."""
        from lipar_eval.bench_clips import bench_clip
        from lipar_eval.clips import read_clip

        self.results["clips"] = {}
        for kind in synthetic:
            self._clip(kind, bench_clip(kind, self.models.preset.stream))
        for path in paths:
            self._clip(path.name, read_clip(path, self.models).frames)

    def memory(self) -> None:
        """What was taken so far, and what the plan has for as many sessions."""
        from lipar_core.memory_plan import stream_plan
        from lipar_eval.machine import peak_memory

        models = self.models
        peak = peak_memory(models.device)
        on_gpu = models.device.type == "cuda"
        planned = stream_plan(models.preset, self.sessions, models.precision, on_gpu=on_gpu).total
        taken = ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in peak.items())
        print(f"\nmemory at most: {taken}; planned for {self.sessions} sessions {planned / 1e9:.2f} GB")
        self.results["memory"] = peak
        self.results["planned"] = {"sessions": self.sessions, "bytes": planned}

    def failures(self) -> list[str]:
        """The measurements whose output was wrong."""
        from lipar_eval.bench_sections import failures

        return failures(self.results)

    def write(self, path: Path) -> None:
        """The JSON file, and a report beside it."""
        from lipar_eval.bench_sections import sections
        from lipar_eval.page import write_page

        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(self.results, indent=1) + "\n")
        notes = [f"{name}: {value}" for name, value in self.results["machine"].items()]
        notes += [f"{name}: {self.results[name]}" for name in ("size", "dtype")]
        wrong = self.failures()
        notes.append(f"FAIL, without times: {'; '.join(wrong)}" if wrong else "every correctness gate passed")
        report = path.with_suffix(".html")
        write_page(report, f"Speed of the preset {self.models.preset.name}", notes, sections(self.results))
        print(f"\nfigures written to {path}, report to {report}")

    def _clip(self, name: str, frames: "Tensor") -> None:
        from lipar_eval.throughput import pruning_by_detector

        variants = pruning_by_detector(self.models, frames, self.blocks)
        print_variants(f"{name}: pruning off and by each detector, same window, interleaved", variants)
        self.results["clips"][name] = [variant.to_json() for variant in variants]
        self.sessions = max(self.sessions, len(variants))

    def _add(self, part: str, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
        print_rows(title, rows)
        self.results[part] = rows
