"""Entry point of `lipar`: runs a command; user errors become one line and exit code 2."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import lipar_core
from lipar_cli import bench, doctor, download, edit, embed, eval, models, osc, replay, serve, verify
from lipar_cli.stop_signals import ResendDroppedStops, stop_was_requested
from lipar_core.errors import LiparError

COMMANDS = (edit, replay, serve, download, models, embed, verify, bench, eval, doctor, osc)
USER_ERROR, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    args = parse_arguments(arguments)
    try:
        with ResendDroppedStops():
            code: int = args.run(args)
        return code
    except KeyboardInterrupt:
        return _stopped()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output is gone
        return INTERRUPTED
    except Exception as error:  # of any type: a library may have made it of a stop
        if stop_was_requested():  # safetensors, for one, turns it into a ValueError
            return _stopped()
        if args.debug or not isinstance(error, LiparError):
            raise
        print(f"lipar: {error}", file=sys.stderr)
        return USER_ERROR


def _stopped() -> int:
    print("stopped", file=sys.stderr)
    return INTERRUPTED


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command and its options; prints one line and exits with code 2 if they are wrong."""
    return _parser().parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    """Reports usage errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="lipar", description="Real-time video-to-video editing that recomputes only what changed.")
    parser.add_argument("--version", action="version", version=f"lipar {lipar_core.__version__}")
    parser.add_argument("--debug", action="store_true", help="show a traceback instead of a one-line error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
