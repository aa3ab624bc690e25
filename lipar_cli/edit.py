"""`lipar edit IN -o OUT -p PROMPT`: edit a file."""

import argparse
import signal
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_core.errors import LiparError, ParameterError

if TYPE_CHECKING:
    from lipar_cli.video_reader import Picture, VideoReader
    from lipar_cli.video_writer import VideoWriter
    from lipar_core.parameters import Parameters
    from lipar_core.session import Edited, EditSession


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("edit", help="edit a video file", description="Edit a video file as the prompt says.")
    parser.add_argument("input", type=Path, metavar="IN", help="any file with video in it")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=".mp4, .mkv, .mov or .webm")
    parser.add_argument("-p", "--prompt", required=True, help="what you want to see")
    parser.add_argument("--preset", default="auto", help="auto, a bundled preset, or a YAML file (default: auto)")
    parser.add_argument("--device", help="cpu or cuda (default: the preset's)")
    parser.add_argument("--threads", type=int, help="on a CPU (default: PyTorch's choice)")
    parser.add_argument("--strength", type=float, help="0 (only the codec) to 1 (nothing of the source's detail)")
    parser.add_argument("--steps", type=int, nargs="+", metavar="K", help="denoising steps, decreasing, 1 to 999")
    parser.add_argument("--seed", type=int, help="another seed, another picture (default: 0)")
    parser.add_argument("--no-pruning", action="store_true", help="compute every token of every frame")
    parser.add_argument(
        "--no-recovery", action="store_true", help="naive pruning: leave pruned tokens out of attention"
    )
    parser.add_argument("--tau", type=float, help="threshold of change against the frame before")
    parser.add_argument("--tau2", type=float, help="threshold of change since a patch was last computed")
    parser.add_argument("--min-keep", type=float, help="least share of tokens computed in a frame that has any")
    parser.add_argument("--max-age", type=int, metavar="N", help="compute every token at least every N blocks")
    parser.add_argument(
        "--fit", choices=("crop", "fit", "stretch"), default="crop", help="how the picture gets its size"
    )
    parser.add_argument("--side-by-side", action="store_true", help="source on the left, result on the right")
    parser.add_argument("--overlay", action="store_true", help="tint what was computed (orange) and reused (blue)")
    parser.add_argument("--crf", type=int, default=18, help="quality of the output file, 0 (best) to 51 (default: 18)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from lipar_cli.devices import check_device, set_threads
    from lipar_cli.presets import resolve
    from lipar_cli.video_reader import VideoReader, describe_fit
    from lipar_cli.video_writer import VideoWriter
    from lipar_core.config import load_preset
    from lipar_core.models import load_models
    from lipar_core.session import EditSession

    if not 0 <= args.crf <= 51:
        raise LiparError(f"--crf = {args.crf}: must be 0 to 51")
    if args.device is not None:
        check_device(args.device)
    set_threads(args.threads)
    preset = load_preset(resolve(args.preset))
    parameters = _parameters(args, preset)
    stream = preset.stream
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: nothing half-written stays
    if args.output.exists() and args.input.exists() and args.output.samefile(args.input):
        raise LiparError(f"output {args.output}: is the input file")
    with VideoReader(args.input, stream.width, stream.height, args.fit) as reader:
        width = stream.width * (2 if args.side_by_side else 1)
        sizes = (width, stream.height, reader.rate, reader.time_base)
        with VideoWriter(args.output, *sizes, reader.audio, args.crf) as writer:
            session: EditSession[int] = EditSession(load_models(preset, args.device), parameters)
            summary = _edit(reader, writer, session, args)
        assert reader.source_size is not None
        print(describe_fit(reader.source_size, stream.width, stream.height, args.fit))
        if damaged := reader.damaged + writer.damaged:
            packets = "packet of the input was" if damaged == 1 else "packets of the input were"
            print(f"{damaged} damaged {packets} skipped", file=sys.stderr)
        if reader.frames < reader.announced_frames:
            print(f"the input announces {reader.announced_frames} frames, {reader.frames} were there", file=sys.stderr)
    print(f"{args.output}: {summary}; {writer.audio_note}")
    return 0


def _parameters(args: argparse.Namespace, preset: object) -> "Parameters":
    """The preset's parameters with the flags' changes; raises `ParameterError`."""
    from lipar_core.config import Preset, default_parameters
    from lipar_core.parameters import merge

    assert isinstance(preset, Preset)
    pruning = {"tau": args.tau, "tau2": args.tau2, "min_keep": args.min_keep, "max_age": args.max_age}
    chosen: dict[str, object] = {name: value for name, value in pruning.items() if value is not None}
    if args.no_pruning:
        chosen["enabled"] = False
    if args.no_recovery:
        chosen["recovery"] = False
    changes = {"prompt": args.prompt, "strength": args.strength, "denoising_steps": args.steps, "seed": args.seed}
    given: dict[str, object] = {name: value for name, value in changes.items() if value is not None}
    try:
        return merge(default_parameters(preset), given | {"pruning": chosen})
    except ParameterError as error:
        flag = error.path.removeprefix("pruning.").replace("denoising_steps", "steps").replace("_", "-").split("[")[0]
        raise LiparError(f"--{flag} = {_short(error.value)}: {error.allowed}") from error


def _edit(reader: "VideoReader", writer: "VideoWriter", session: "EditSession[int]", args: argparse.Namespace) -> str:
    """Run the file through the session, a block at a time; returns the summary."""
    import numpy as np
    import torch

    from lipar_cli.progress import Progress
    from lipar_cli.video_reader import SourceFrame

    progress, totals = Progress(reader.expected_frames), _Totals()
    waiting: list[SourceFrame] = []
    sources: deque[Picture] = deque()  # pushed, and not yet come out

    def push() -> None:
        pictures = torch.from_numpy(np.stack([frame.picture for frame in waiting])).permute(0, 3, 1, 2)
        sources.extend(frame.picture for frame in waiting)
        take(session.push(pictures, [frame.pts for frame in waiting]))
        waiting.clear()

    def take(edited: "Edited[int]") -> None:
        for picture, stamp in zip(_pictures(edited, args, sources), edited.pts, strict=True):
            writer.write(picture, stamp)
        totals.add(edited)
        progress.add(len(edited.pts))

    for item in reader:
        if not isinstance(item, SourceFrame):
            writer.write_audio(item)
            continue
        waiting.append(item)
        if len(waiting) == session.preset.stream.frames_per_block:
            push()
    if waiting:
        push()
    take(session.flush())
    progress.end()
    return totals.summary(progress.done, progress.fps)


def _pictures(edited: "Edited[int]", args: argparse.Namespace, sources: "deque[Picture]") -> "Iterable[Picture]":
    import numpy as np

    from lipar_cli.overlay import tinted

    frames = (edited.frames * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    keep = edited.keep.cpu().numpy()
    for frame, mask in zip(frames, keep, strict=True):
        source = sources.popleft()
        shown = tinted(frame, mask) if args.overlay else frame
        yield np.concatenate([source, shown], axis=1) if args.side_by_side else shown


class _Totals:
    """Sums over blocks."""

    def __init__(self) -> None:
        self.blocks, self.kept = 0, 0.0
        self.stage_ms: dict[str, float] = {}

    def add(self, edited: "Edited[int]") -> None:
        for report in edited.blocks:
            self.blocks += 1
            self.kept += report.keep_ratio
            for stage, ms in report.stage_ms.items():
                self.stage_ms[stage] = self.stage_ms.get(stage, 0.0) + ms

    def summary(self, frames: int, fps: float) -> str:
        stages = ", ".join(f"{stage} {ms / self.blocks:.1f}" for stage, ms in self.stage_ms.items())
        return f"{frames} frames, {fps:.1f} fps, {self.kept / self.blocks:.0%} of tokens computed, ms a block: {stages}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
