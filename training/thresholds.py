"""`python -m training.thresholds --media DIR`: what each threshold of the detector `anchor` computes of train clips.

Prints a table for each size of the tiny preset: keep ratio by kind of motion, PSNR of the source with held tokens, and
the 99.5th percentile of its tokens' RMS errors, levels of 255. No model is needed.
"""

import argparse
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.parameters import Pruning
from lipar_core.presets import load_preset
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.sizes import stream_at
from lipar_eval.autoencoder import token_pixels, whole_latents
from lipar_eval.detectors import hold_pruned, worst_token
from lipar_eval.quality import psnr
from training.media import manifest_entries, read_clip

THRESHOLDS = (5.0, 6.0, 7.0, 8.0, 10.0)
SIZES = ("256x144", "416x240", "512x288")
MOTIONS = ("low", "medium", "high")
MAX_FPS = 20.0  # of faster clips every second frame is used

Metrics = tuple[float, float, float]  # keep ratio, dB, levels


def evenly_spread_clips(media: Path, count: int, frames: int, stream: StreamConfig) -> Iterator[tuple[str, Tensor]]:
    """(motion, frames [N, 3, H, W] in [0, 1]) of `count` train clips of each kind of motion."""
    entries = manifest_entries(media, "train", "video")
    for motion in MOTIONS:
        kind = [entry for entry in entries if entry["motion"] == motion]
        for entry in kind[:: max(1, len(kind) // count)][:count]:
            step = 2 if float(entry["fps"]) > MAX_FPS else 1
            pictures = read_clip(media / entry["file"], stream.width, stream.height, frames * step)[::step]
            yield motion, whole_latents(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, stream)


@torch.inference_mode()
def measure(source: Tensor, stream: StreamConfig, threshold: float) -> Metrics:
    """Of frames [N, 3, H, W], without the first latent frame."""
    detector = AnchorDetector(stream.rows, stream.cols, 1, stream.frames_per_latent)
    keep = detector(source, Pruning(detector="anchor", threshold=threshold)).flatten(1)
    tokens = token_pixels(source, stream)
    held = hold_pruned(tokens, keep)[1:]
    return float(keep[1:].float().mean()), psnr(held, tokens[1:]), worst_token(held, tokens[1:])


def table_rows(clips: Sequence[tuple[str, Tensor]], stream: StreamConfig) -> Iterator[str]:
    """A Markdown row for each threshold."""
    for threshold in THRESHOLDS:
        measured = [(motion, measure(source, stream, threshold)) for motion, source in clips]
        ratios = [statistics.mean(m[0] for motion, m in measured if motion == kind) for kind in MOTIONS]
        db = [m[1] for _, m in measured]
        worst = [m[2] for _, m in measured]
        cells = [f"{threshold:g}", *(f"{ratio:.2f}" for ratio in ratios)]
        cells += [f"{statistics.mean(db):.1f} ({min(db):.1f})", f"{statistics.mean(worst):.1f} ({max(worst):.1f})"]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.thresholds", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="folder with MANIFEST.json and train/")
    parser.add_argument("--clips", type=int, default=8, help="of each kind of motion (default: 8)")
    parser.add_argument("--frames", type=int, default=96, help="of each clip, at most (default: 96)")
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="of the preset tiny (default: the wide ones)")
    args = parser.parse_args()
    preset = load_preset("tiny")
    for size in args.sizes:
        stream = stream_at(preset, size)
        clips = list(evenly_spread_clips(args.media, args.clips, args.frames, stream))
        print(
            f"\n{size}, {len(clips)} clips\n\n| threshold | low | medium | high | held source, dB (min) | worst (max) |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        for row in table_rows(clips, stream):
            print(row, flush=True)


if __name__ == "__main__":
    main()
