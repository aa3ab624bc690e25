"""The live parameters as flags of a command, made from their declarations."""

import argparse
from typing import Any

from msgspec import inspect

from lipar_cli.prompt_flags import mix_error, prompt_changes
from lipar_core.config import Preset
from lipar_core.errors import ParameterError
from lipar_core.fields import allowed_values, leaf_fields, metadata, plain_type
from lipar_core.parameter_changes import merge
from lipar_core.parameters import Parameters
from lipar_core.presets import default_parameters

# -p, --mix and --region FILE are defined by the command; a file edit is never paused.
NO_FLAG = ("prompt", "prompts", "region.source", "region.mask", "paused")


def add_parameter_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag per parameter, None by default: `pruning.min_keep` is --min-keep."""
    group = parser.add_argument_group("live parameters", "Their defaults are the preset's.")
    for path, node in leaf_fields(Parameters):
        if path not in NO_FLAG:
            group.add_argument(flag_of(path), dest=path, default=None, help=_help(node), **_argparse_type(node))


def flag_of(path: str) -> str:
    """`pruning.min_keep` -> `--min-keep`, `pruning.enabled` -> `--pruning`"""
    return "--" + path.removesuffix(".enabled").removeprefix("pruning.").replace(".", "-").replace("_", "-")


def parameters_from_flags(args: argparse.Namespace, preset: Preset) -> Parameters:
    """The preset's parameters changed by the prompt and the flags; raises `ParameterError` naming the flag."""
    changes: dict[str, Any] = prompt_changes(args.prompt, args.mix)
    for path, _ in leaf_fields(Parameters):
        if path not in NO_FLAG and (value := getattr(args, path)) is not None:
            outer, _, inner = path.rpartition(".")
            (changes.setdefault(outer, {}) if outer else changes)[inner] = value
    try:
        return merge(default_parameters(preset), changes)
    except ParameterError as error:
        if error.path.startswith("prompts"):
            raise mix_error(error) from error
        raise ParameterError(flag_of(error.path.partition("[")[0]), error.value, error.allowed) from error


def _argparse_type(node: inspect.Type) -> dict[str, Any]:
    match plain_type(node):
        case inspect.BoolType():
            return {"action": argparse.BooleanOptionalAction}
        case inspect.IntType():
            return {"type": int, "metavar": "N"}
        case inspect.FloatType():
            return {"type": float, "metavar": "X"}
        case inspect.LiteralType(values=values):
            return {"choices": values}
        case inspect.VarTupleType(item_type=item):
            return _argparse_type(item) | {"nargs": "+"}
        case inspect.TupleType(item_types=items):
            return _argparse_type(items[0]) | {"nargs": len(items)}
    raise AssertionError(f"no flag for {node!r}")


def _help(node: inspect.Type) -> str:
    plain = plain_type(node)
    text = metadata(node)["description"]
    ranged = isinstance(plain, (inspect.IntType, inspect.FloatType))
    return f"{text} ({allowed_values(node)})" if ranged else text
