"""`lipar edit IN -o OUT -p PROMPT`: edit a file."""

import argparse
import signal
import sys
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_cli.model_options import add_model_options, chosen_models, chosen_preset
from lipar_core.errors import LiparError, ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lipar_cli.progress import Progress
    from lipar_cli.video.picture_filter import Picture
    from lipar_cli.video.reader import SourceFrame, VideoReader
    from lipar_cli.video.writer import VideoWriter
    from lipar_core.parameters import Parameters
    from lipar_core.session import EditedFrames, EditSession

QUEUED = 16  # frames and packets between the threads, each way


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("edit", help="edit a video file", description="Edit a video file as the prompt says.")
    parser.add_argument("input", type=_input_path, metavar="IN", help="any file with video in it; - is standard input")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=".mp4, .mkv, .mov or .webm")
    parser.add_argument("-p", "--prompt", required=True, help="what you want to see")
    add_model_options(parser)
    parser.add_argument("--strength", type=float, help="0 (only the codec) to 1 (nothing of the source's detail)")
    parser.add_argument("--steps", type=int, nargs="+", metavar="K", help="denoising steps, decreasing, 1 to 999")
    parser.add_argument("--seed", type=int, help="another seed, another picture (default: 0)")
    parser.add_argument("--no-pruning", action="store_true", help="compute every token of every frame")
    parser.add_argument(
        "--no-recovery", action="store_true", help="naive pruning: leave pruned tokens out of attention"
    )
    parser.add_argument("--detector", choices=("anchor", "lipar"), help="what finds changes (default: the preset's)")
    parser.add_argument(
        "--threshold", type=float, metavar="LEVELS", help="anchor: ignore changes of pixels below this, 0 to 64 of 255"
    )
    parser.add_argument("--tau", type=float, help="lipar: threshold of change against the frame before")
    parser.add_argument("--tau2", type=float, help="lipar: threshold of change since a patch was last computed")
    parser.add_argument("--min-keep", type=float, help="least share of tokens computed in a frame that has any")
    parser.add_argument("--max-age", type=int, metavar="N", help="compute every token at least every N blocks")
    parser.add_argument(
        "--fit", choices=("crop", "fit", "stretch"), default="crop", help="how the picture gets its size"
    )
    parser.add_argument("--side-by-side", action="store_true", help="source on the left, result on the right")
    parser.add_argument("--overlay", action="store_true", help="tint what was computed (orange) and reused (blue)")
    parser.add_argument("--crf", type=int, default=18, help="quality of the output file, 0 (best) to 51 (default: 18)")
    parser.add_argument(
        "--keep-location", action="store_true", help="pass on where the input was recorded, if it says (default: no)"
    )
    parser.set_defaults(run=run)


def _input_path(given: str) -> Path:
    return Path("/dev/stdin" if given == "-" else given)


def run(args: argparse.Namespace) -> int:
    from lipar_cli.video.reader import VideoReader
    from lipar_cli.video.writer import VideoWriter
    from lipar_core.session import EditSession
    from lipar_core.sizes import size_name

    if not 0 <= args.crf <= 51:
        raise LiparError(f"--crf = {args.crf}: must be 0 to 51")
    preset = chosen_preset(args)
    parameters = _parameters(args, preset)
    stream = preset.stream
    _end_as_by_ctrl_c()
    _check_paths(args.input, args.output)
    with VideoReader(args.input, stream.width, stream.height, args.fit, args.output.parent) as reader:
        width = stream.width * (2 if args.side_by_side else 1)
        with VideoWriter(args.output, width, stream.height, reader.rate, reader.time_base, args.crf) as writer:
            writer.add_tracks(reader, args.keep_location)
            session: EditSession[int] = EditSession(chosen_models(args, preset), parameters)
            summary = _edit(reader, writer, session, args)
        _report(reader, writer)
        _report_prompt(session)
    print(f"{args.output}: {size_name(preset)}, {session.models.precision}: {summary}; {writer.audio_note}")
    return 0


def _end_as_by_ctrl_c() -> None:
    """So that nothing half-written stays; a signal that was ignored on purpose (nohup) stays ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _check_paths(source: Path, target: Path) -> None:
    """Raises `LiparError` where the output could never be, before a pipe is read or a model loaded."""
    from lipar_cli.video.failure import reason
    from lipar_cli.video.muxers import muxer_for

    try:
        if not target.is_dir():
            muxer_for(target)
        if target.parent != Path() and not target.parent.is_dir():
            raise LiparError(f"output {target}: the folder {target.parent} does not exist")
        if target.exists() and source.exists() and target.samefile(source):
            raise LiparError(f"output {target}: is the input file")
    except LiparError:
        raise
    except (OSError, ValueError) as error:
        long = target if len(target.name) >= len(source.name) else source
        raise LiparError(
            f"{'output' if long is target else 'input'} {long}: cannot be used ({reason(error)})"
        ) from error


def _report(reader: "VideoReader", writer: "VideoWriter") -> None:
    """What was done to the input's pictures, and what of it is not in the output."""
    for note in reader.notes:
        print(note)
    if damaged := reader.damaged + writer.damaged:
        packets = "packet of the input was" if damaged == 1 else "packets of the input were"
        print(f"{damaged} damaged {packets} skipped", file=sys.stderr)
    for loss in (*reader.losses, *writer.losses):
        print(loss, file=sys.stderr)


def _report_prompt(session: "EditSession[int]") -> None:
    embedding = session.models.prompts.encode(session.parameters.prompt)
    if embedding.used < embedding.given:
        print(f"of {embedding.given} words of the prompt the first {embedding.used} were read", file=sys.stderr)


def _parameters(args: argparse.Namespace, preset: object) -> "Parameters":
    """The preset's parameters with the flags' changes; raises `ParameterError`."""
    from lipar_core.config import Preset, default_parameters
    from lipar_core.parameters import merge

    assert isinstance(preset, Preset)
    names = ("detector", "threshold", "tau", "tau2", "min_keep", "max_age")
    chosen: dict[str, object] = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
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
    """Run the file through the session, a block at a time, while threads decode and encode; returns the summary."""
    from lipar_cli.progress import Progress
    from lipar_cli.video.beside import ReadAhead, WriteBehind
    from lipar_cli.video.reader import SourceFrame

    run = _Run(session, args, Progress(reader.expected_frames))
    with ReadAhead(reader, QUEUED) as items, WriteBehind(QUEUED) as output:
        for item in items:
            if isinstance(item, SourceFrame):
                edited = run.push(item)
            else:
                output.call(partial(writer.write_packet, item))
                continue
            for frame in edited:
                output.call(partial(writer.write, frame.picture, frame.pts, frame.duration))
        for frame in run.flush():
            output.call(partial(writer.write, frame.picture, frame.pts, frame.duration))
    return run.summary()


class _Run:
    """Source frames in, edited frames out, in blocks."""

    def __init__(self, session: "EditSession[int]", args: argparse.Namespace, progress: "Progress") -> None:
        self.session, self.args, self.progress = session, args, progress
        self.totals = _Totals()
        self._block: list[SourceFrame] = []
        self._pushed: deque[SourceFrame] = deque()  # and not yet come out

    def push(self, frame: "SourceFrame") -> "Iterator[SourceFrame]":
        self._block.append(frame)
        if len(self._block) == self.session.preset.stream.frames_per_block:
            yield from self._push_block()

    def flush(self) -> "Iterator[SourceFrame]":
        """The rest."""
        if self._block:
            yield from self._push_block()
        yield from self._taken(self.session.flush())
        self.progress.end()

    def summary(self) -> str:
        return self.totals.summary(self.progress.done, self.progress.fps)

    def _push_block(self) -> "Iterator[SourceFrame]":
        import numpy as np
        import torch

        pictures = torch.from_numpy(np.stack([frame.picture for frame in self._block])).permute(0, 3, 1, 2)
        stamps = [frame.pts for frame in self._block]
        self._pushed.extend(self._block)
        self._block.clear()
        yield from self._taken(self.session.push(pictures, stamps))

    def _taken(self, edited: "EditedFrames[int]") -> "Iterator[SourceFrame]":
        """Each edited frame, with the duration that its source had."""
        from lipar_cli.video.reader import SourceFrame

        self.totals.add(edited)
        self.progress.add(len(edited.pts))
        frames = (edited.frames * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        for frame, mask, stamp in zip(frames, edited.keep.cpu().numpy(), edited.pts, strict=True):
            source = self._pushed.popleft()
            yield SourceFrame(self._shown(source.picture, frame, mask), stamp, source.duration)

    def _shown(self, source: "Picture", frame: "Picture", mask: "NDArray[np.bool_]") -> "Picture":
        import numpy as np

        from lipar_cli.overlay import tinted

        shown = tinted(frame, mask) if self.args.overlay else frame
        return np.concatenate([source, shown], axis=1) if self.args.side_by_side else shown


class _Totals:
    """Sums over blocks."""

    def __init__(self) -> None:
        self.blocks, self.kept = 0, 0.0
        self.stage_ms: dict[str, float] = {}

    def add(self, edited: "EditedFrames[int]") -> None:
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
