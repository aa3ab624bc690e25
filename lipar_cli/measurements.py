"""One run of `lipar bench`: its parts print their results and collect them for the JSON file."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_cli.bench_tables import print_arms, print_counters, print_variants
from lipar_core.sizes import size_name

if TYPE_CHECKING:
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
        self.results: dict[str, object] = {"machine": machine, "preset": models.preset.name, "size": size_name(stream)}
        self.results["dtype"] = str(models.precision)
        print("\n".join(f"{name}: {value}" for name, value in machine.items()))
        print(f"picture: {size_name(stream)}, {models.precision}")

    def require_blocks(self, paths: Sequence[Path]) -> None:
        """Before anything is measured: raises `LiparError` for a clip that is shorter than a block."""
        from lipar_eval.throughput import require_blocks

        require_blocks(self.models, paths)

    def forced(self, ratios: Sequence[float]) -> None:
        """Forced keep ratios, and the counters of their blocks."""
        from lipar_eval import throughput

        forced = throughput.forced_ratios(self.models, ratios, self.blocks)
        print_variants(f"forced keep ratios, {self.blocks} blocks per variant, interleaved", forced)
        t0, t1 = throughput.affine_fit(forced)
        print(f"milliseconds per block = {t0:.1f} + {t1:.1f} x keep ratio: {t0 / (t0 + t1):.0%} is independent of it")
        frames = throughput.random_block(self.models)
        counted = {variant.name: variant.counters(frames) for variant in forced}
        print_counters("counters of a whole block", counted)
        self.results["forced"] = [variant.to_json() for variant in forced]
        self.results["fit_ms"] = {"t0": t0, "t1": t1}
        self.results["counters"] = {name: counters.to_json() for name, counters in counted.items()}
        forced[0].session.close()

    def arms(self, ratios: Sequence[float]) -> None:
        """The engine with each of its parts replaced, and the published style; x0 of each is compared."""
        from lipar_eval.bench_arms import measure_arms

        arms = [result for ratio in ratios for result in measure_arms(self.models, ratio, self.blocks)]
        print_arms(f"arms, {self.blocks} blocks each, interleaved", arms)
        self.results["arms"] = [asdict(result) for result in arms]

    def profile(self, ratio: float, path: Path) -> None:
        from lipar_eval.block_trace import TRACED_BLOCKS, write_trace

        write_trace(self.models, ratio, path)
        print(f"\ntrace of {TRACED_BLOCKS} blocks at keep ratio {ratio} written to {path}")

    def clips(self, paths: Sequence[Path]) -> None:
        """Each clip with pruning off and on."""
        from lipar_eval import throughput

        measured: dict[str, object] = {}
        for path in paths:
            variants = throughput.pruning_by_detector(self.models, path, self.blocks)
            print_variants(f"{path.name}: pruning off and by each detector, same window, interleaved", variants)
            measured[path.name] = [variant.to_json() for variant in variants]
            self.sessions = max(self.sessions, len(variants))
        self.results["clips"] = measured

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

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(self.results, indent=1) + "\n")
        print(f"\nfigures written to {path}")
