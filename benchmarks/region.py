"""What a region of a quarter of the picture costs, against the whole picture: blocks of noise, interleaved.

python -m benchmarks.region [BLOCKS]
"""

import statistics
import sys
import time

import torch

from lipar_core.models.loading import load_models
from lipar_core.presets import load_preset
from lipar_core.session import EditSession

SIZE = "416x240"
QUARTER = (0.25, 0.25, 0.5, 0.5)  # left, top, width, height
WARM_UP = 8  # blocks

Costs = dict[str, float]  # milliseconds, and `keep_ratio`


def main(blocks: int) -> None:
    models = load_models(load_preset("tiny"))
    whole: EditSession[int] = EditSession(models, size=SIZE)
    part: EditSession[int] = EditSession(models, size=SIZE)
    part.update({"region": {"box": QUARTER}})
    frames = torch.randint(0, 256, (whole.stream.frames_per_block, 3, whole.stream.height, whole.stream.width))
    pairs: list[tuple[Costs, Costs]] = []
    for block in range(WARM_UP + blocks):
        moving = frames.roll(7 * block, dims=-1).byte()
        pair = block_costs(whole, moving), block_costs(part, moving)
        if block >= WARM_UP:
            pairs.append(pair)
    for name in pairs[0][0]:
        full = statistics.median(costs[name] for costs, _ in pairs)
        limited = statistics.median(costs[name] for _, costs in pairs)
        ratio = statistics.median(limited_costs[name] / costs[name] for costs, limited_costs in pairs)
        print(f"{name}: {full:.3g} -> {limited:.3g}, ratio {ratio:.3f}")


def block_costs(session: EditSession[int], frames: torch.Tensor) -> Costs:
    """Of one block with its clean pass."""
    start = time.perf_counter()
    [report] = session.push(frames, range(len(frames))).blocks
    denoised = report.stopwatch.stage_ms()
    clean_start = time.perf_counter()
    session.finish_block()
    clean_ms = (time.perf_counter() - clean_start) * 1000
    block_ms = (time.perf_counter() - start) * 1000
    return {
        "keep_ratio": report.keep_ratio,
        "transformer_ms": denoised["denoise"] + clean_ms,
        "decode_ms": denoised["decode"],
        "block_ms": block_ms,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
