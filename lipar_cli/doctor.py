"""`lipar doctor`: checks this machine for a preset and the server's settings, a line and a remedy per check."""

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lipar_cli.model_options import TEXT_DTYPE_HELP, TEXT_DTYPES
from lipar_core.errors import ConfigError

if TYPE_CHECKING:
    from lipar_cli.checks.result import Result
    from lipar_cli.checks.target import Target
    from server.settings import Settings

FAILED = 1
FLAGS = ("preset", "device", "dtype", "text_dtype", "max_sessions")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="check this machine",
        description="Check this machine for `lipar serve` with the same settings: LIPAR_* variables and these flags. "
        "Exit code 1 if a check fails.",
    )
    parser.add_argument("--preset", help="auto, a bundled preset, or a YAML file (default: auto)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: the preset's)")
    parser.add_argument("--dtype", help="of the memory plan (default: the preset's)")
    parser.add_argument("--text-dtype", choices=TEXT_DTYPES, help=TEXT_DTYPE_HELP)
    parser.add_argument("--max-sessions", type=int, help="live sessions that must fit (default: 2)")
    parser.add_argument("--vram", type=_gigabytes, metavar="GB", help="plan for a GPU with so much memory")
    parser.add_argument("--checksums", action="store_true", help="read all weight files and compare their SHA-256")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from lipar_cli.checks.result import CheckStatus

    failed = False
    rows: list[dict[str, str]] = []
    for name, result in results(args):
        failed |= result.status is CheckStatus.FAIL
        if args.json:
            rows.append({"check": name, "status": result.status, "detail": result.detail, "remedy": result.remedy})
        else:
            print(line(name, result), flush=True)
    if args.json:
        print(json.dumps(rows, indent=2))
    return FAILED if failed else 0


def line(name: str, result: "Result") -> str:
    """The result, and below it what to do."""
    remedy = f"\n{'':23}-> {result.remedy}" if result.remedy else ""
    return f"{result.status:4}  {name:16} {result.detail}{remedy}"


def results(args: argparse.Namespace) -> Iterator[tuple[str, "Result"]]:
    """Each check's name and result, as it ends. Raises `LiparError` for an unknown preset or size."""
    from lipar_cli.checks.table import CHECKS, perform

    settings, result = read_settings({name: getattr(args, name) for name in FLAGS})
    yield "settings", result
    target = make_target(settings, args.vram, args.checksums)
    for name, check in CHECKS.items():
        yield name, perform(check, target)


def read_settings(flags: dict[str, object]) -> "tuple[Settings, Result]":
    """The settings of `lipar serve`, or the flags alone if the environment's cannot be used."""
    from lipar_cli.checks.result import fail, ok
    from server.settings_sources import load_settings

    try:
        settings = load_settings(flags)
    except ConfigError as error:
        return load_settings(flags, {}), fail(str(error), "fix this setting; the other checks use the defaults")
    return settings, ok(f"preset {settings.preset}, {settings.host}:{settings.port}, {settings.max_sessions} sessions")


def make_target(settings: "Settings", vram_gb: float | None, checksums: bool) -> "Target":
    from lipar_cli.checks.target import Target
    from lipar_cli.presets import resolve
    from lipar_core.presets import load_preset, with_text_dtype
    from lipar_core.sizes import live_candidates, with_size

    preset = load_preset(resolve(settings.preset))
    with_size(preset, settings.size)  # raises if there is no such size
    preset = with_size(preset, live_candidates(preset)[0])  # the largest: a session may ask for it
    preset = with_text_dtype(preset, settings.text_dtype)
    return Target(settings=settings, preset=preset, vram_gb=vram_gb, checksums=checksums)


def _gigabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number of GB, above 0, at most 10000")
    return value
