"""`lipar replay TIMELINE IN -o OUT`: edit a file with the changes of a live session, at the same blocks."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import lipar_core
from lipar_cli.edit import add_file_arguments, add_output_options, edit_file, region_file
from lipar_cli.model_options import add_device_options, chosen_preset
from lipar_core.errors import LiparError
from lipar_core.session_timeline import SessionTimeline, read_timeline

if TYPE_CHECKING:
    from lipar_core.models.loading import Models
    from lipar_core.replay import ReplaySession
    from lipar_video.reader import VideoReader


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "replay",
        help="repeat a live session's changes on a file",
        description="Edit a video file with the changes of a live session, at the same blocks.",
    )
    parser.add_argument("timeline", type=Path, metavar="TIMELINE", help="JSON file saved from a live session")
    add_file_arguments(parser)
    parser.add_argument("--preset", help="a bundled preset, or a YAML file (default: the session's)")
    add_device_options(parser)
    add_output_options(parser)
    parser.add_argument(
        "--region",
        type=Path,
        metavar="FILE",
        help="masks for the blocks in which the session got one per frame: a picture, or a video as for lipar edit",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from lipar_core.replay import ReplaySession

    timeline = read_timeline(args.timeline)
    args.preset, args.size = args.preset or timeline.preset, timeline.size
    args.dtype = args.dtype or timeline.dtype

    if args.region is not None and not _has_frame_masks(timeline):
        raise LiparError("--region: the session got no masks for its frames; drawn regions are in the timeline")
    preset, fit = chosen_preset(args), timeline.entries[0].parameters.fit
    with region_file(args.region, preset, fit) as region:

        def new_session(models: "Models", reader: "VideoReader") -> "ReplaySession[int]":
            return ReplaySession(models, timeline, None if region is None else partial(region.masks, reader))

        session = edit_file(args, preset, fit, new_session, None if region is None else region.check_length)
        notes = [*_differences(timeline, session, with_masks=region is not None), region and region.read_rest()]
    for note in filter(None, notes):
        print(note, file=sys.stderr)
    return 0


def _has_frame_masks(timeline: SessionTimeline) -> bool:
    return any(entry.parameters.region.source == "frames" for entry in timeline.entries)


def _differences(timeline: SessionTimeline, session: "ReplaySession[int]", *, with_masks: bool) -> list[str]:
    """What of the timeline was not repeated."""
    notes = []
    if timeline.version != lipar_core.__version__:
        notes.append(f"the session was edited by lipar {timeline.version}, this is {lipar_core.__version__}")
    if session.remaining:
        notes.append(f"the file ended at block {session.next_block}, before {len(session.remaining)} later changes")
    if len({entry.parameters.fit for entry in timeline.entries}) > 1:
        notes.append("changes of fit were not repeated: the file has the fit that the session began with")
    if _has_frame_masks(timeline) and not with_masks:
        notes.append(
            "masks that were received for each frame are not in a timeline: "
            "there the whole picture is edited; --region FILE gives them"
        )
    if timeline.omitted:
        notes.append(f"the session's last {timeline.omitted} changes were not recorded")
    return notes
