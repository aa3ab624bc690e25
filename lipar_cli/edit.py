"""`lipar edit IN -o OUT -p PROMPT`: edit a file."""

import argparse
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lipar_cli.file_edit import FileEdit
from lipar_cli.model_options import add_model_options, chosen_models, chosen_preset
from lipar_cli.parameter_flags import add_parameter_flags, parameters_from_flags
from lipar_cli.prompt_flags import add_prompt_flags
from lipar_cli.stop_signals import stop_like_ctrl_c
from lipar_core.config import Preset
from lipar_core.errors import LiparError
from lipar_core.parameters import Fit

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lipar_cli.region_file import RegionFile
    from lipar_core.models.loading import Models
    from lipar_core.session import EditSession
    from lipar_video.reader import VideoReader
    from lipar_video.writer import VideoWriter

S = TypeVar("S", bound="EditSession[int]")
QUEUE_SIZE = 16  # frames and packets between the threads, in each direction


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("edit", help="edit a video file", description="Edit a video file as the prompt says.")
    add_file_arguments(parser)
    add_prompt_flags(parser)
    add_model_options(parser)
    add_output_options(parser)
    add_parameter_flags(parser)
    parser.add_argument(
        "--region",
        type=Path,
        metavar="FILE",
        help="edit only where this picture is white, or this video, which has a frame for each of the input",
    )
    parser.set_defaults(run=run)


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """IN and -o OUT."""
    parser.add_argument("input", type=_input_path, metavar="IN", help="any video file; - is standard input")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=".mp4, .mkv, .mov or .webm")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """--side-by-side, --overlay, --crf, --keep-location."""
    parser.add_argument("--side-by-side", action="store_true", help="source on the left, result on the right")
    parser.add_argument("--overlay", action="store_true", help="tint computed tokens orange and reused ones blue")
    parser.add_argument("--crf", type=int, default=18, help="quality of the output file, 0 (best) to 51 (default: 18)")
    parser.add_argument(
        "--keep-location", action="store_true", help="copy the recording location, if the input has one (default: no)"
    )


def _input_path(name: str) -> Path:
    return Path("/dev/stdin" if name == "-" else name)


def run(args: argparse.Namespace) -> int:
    from lipar_core.session import EditSession

    preset = chosen_preset(args)
    parameters = parameters_from_flags(args, preset)
    if args.region is not None and parameters.region.box is not None:
        raise LiparError("--region: cannot be used together with --region-box")
    with region_file(args.region, preset, parameters.fit) as region:

        def new_session(models: "Models", reader: "VideoReader") -> EditSession[int]:
            return EditSession(models, parameters, masks=None if region is None else partial(region.masks, reader))

        session = edit_file(args, preset, parameters.fit, new_session, None if region is None else region.check_length)
        if region is not None and (note := region.read_rest()):
            print(note, file=sys.stderr)
    _report_unread_words(session)
    return 0


def region_file(path: Path | None, preset: Preset, fit: Fit) -> "AbstractContextManager[RegionFile | None]":
    """The masks in a file; None without a path."""
    if path is None:
        return nullcontext()
    from lipar_cli.region_file import RegionFile

    return RegionFile(path, preset.stream, fit)


def edit_file(
    args: argparse.Namespace,
    preset: Preset,
    fit: Fit,
    new_session: "Callable[[Models, VideoReader], S]",
    check_input: "Callable[[VideoReader], None] | None" = None,
) -> "S":
    """Edit the input as `add_file_arguments` and `add_output_options` say, and print a summary; returns the session.

    The models are loaded and `new_session` is called once both files have been opened and the input was checked.
    """
    from lipar_core.sizes import size_name
    from lipar_video.reader import VideoReader
    from lipar_video.writer import VideoWriter

    if not 0 <= args.crf <= 51:
        raise LiparError(f"--crf = {args.crf}: must be 0 to 51")
    stream = preset.stream
    stop_like_ctrl_c()
    _check_paths(args.input, args.output)
    with VideoReader(args.input, stream.width, stream.height, fit, args.output.parent) as reader:
        if check_input is not None:
            check_input(reader)
        width = stream.width * (2 if args.side_by_side else 1)
        with VideoWriter(
            args.output, width, stream.height, reader.timing.rate, reader.timing.time_base, args.crf
        ) as writer:
            writer.add_tracks(reader, args.keep_location)
            session = new_session(chosen_models(args, preset), reader)
            summary = _edit(reader, writer, session, args)
        _report(reader, writer)
    print(f"{args.output}: {size_name(preset.stream)}, {session.models.precision}: {summary}; {writer.audio_note}")
    return session


def _check_paths(source: Path, target: Path) -> None:
    """Raises `LiparError` if the output cannot be created, before a pipe is read or a model loaded."""
    from lipar_video.error_text import error_reason
    from lipar_video.muxers import muxer_for

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
        failed = target if len(target.name) >= len(source.name) else source
        raise LiparError(
            f"{'output' if failed is target else 'input'} {failed}: cannot be used ({error_reason(error)})"
        ) from error


def _report(reader: "VideoReader", writer: "VideoWriter") -> None:
    """Print what was changed in the input's pictures and what was left out of the output."""
    for note in reader.notes:
        print(note)
    if damaged := reader.damaged + writer.damaged:
        packets = "packet was" if damaged == 1 else "packets were"
        print(f"{damaged} damaged input {packets} skipped", file=sys.stderr)
    for loss in (*reader.losses, *writer.losses):
        print(loss, file=sys.stderr)


def _report_unread_words(session: "EditSession[int]") -> None:
    from lipar_core.models.prompt_mix import total_tokens

    tokens = total_tokens([session.models.prompts.encode(text) for text in session.parameters.texts])
    if tokens.used < tokens.given:
        print(
            f"the prompt was truncated: the first {tokens.used} of its {tokens.given} words were used",
            file=sys.stderr,
        )
    if tokens.unknown_words:
        words = ", ".join(map(repr, tokens.unknown_words))
        print(f"the model does not know {words}: unknown words change little or nothing", file=sys.stderr)


def _edit(reader: "VideoReader", writer: "VideoWriter", session: "EditSession[int]", args: argparse.Namespace) -> str:
    """Edit the file block by block while threads decode and encode; returns the summary."""
    from lipar_cli.progress import Progress
    from lipar_video.background_io import ReadAhead, WriteBehind
    from lipar_video.reader import SourceFrame

    run = FileEdit(session, args, Progress(reader.expected_frames))
    with ReadAhead(reader, QUEUE_SIZE) as items, WriteBehind(QUEUE_SIZE) as output:
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
