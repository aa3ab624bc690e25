"""The parser of all user input: presets, live parameters, settings, recipes.

The constraints are annotations of the structs (`msgspec.Meta`), checked by msgspec. This module turns its errors
into ones that name the path, the value and the allowed range.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from lipar_core.errors import ConfigError, LiparError, ParameterError

T = TypeVar("T")
_LOCATION = re.compile(r"at (?:`key` in )?`\$(?P<path>.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_KEY = re.compile(r"(unknown|required) field `(.*?)`")


class ConfigStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base class for `parse`: unknown keys are rejected. Subclasses repeat `frozen=True, kw_only=True`."""


def parse(tree: object, target: type[T], path: str = "", *, strict: bool = True) -> T:
    """Convert plain values (dictionaries, lists, numbers, strings) to `target`, checking all its constraints.

    path: of the tree in the user's input, for error messages. strict=False also accepts numbers and booleans as
    strings, as in environment variables.
    Raises `ParameterError` for an invalid value or an unknown key, `ConfigError` for a missing key, and the
    `LiparError` of a `__post_init__`.
    """
    try:
        return msgspec.convert(tree, target, strict=strict, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, LiparError):
            raise error.__cause__ from None
        raise _user_error(str(error), tree, target, path) from None


def field_metadata(struct: type, path: str) -> dict[str, Any]:
    """The `Meta(extra=...)` of the field at a dotted path; {} if it has none."""
    node: inspect.Type = inspect.type_info(struct)
    for name in path.split("."):
        node = _child(node, name)
    return _extra(node)


def allowed_values(node: inspect.Type) -> str:
    """The allowed values of a field, as text that follows "must be"."""
    extra, node = _extra(node), _unwrap(node)
    if "allowed" in extra:
        return str(extra["allowed"])
    match node:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _bounds(node)
        case inspect.FloatType():
            return "a finite number" + _bounds(node)
        case inspect.StrType():
            return "a text" + _length(node, "characters")
        case inspect.VarTupleType():
            return "a list" + _length(node, "values")
        case inspect.TupleType():
            return f"a list of {len(node.item_types)} values"
        case inspect.LiteralType():
            return f"one of {', '.join(map(repr, node.values))}"
        case inspect.StructType():
            return "an object"
        case inspect.CustomType():
            return "a path"
    raise AssertionError(f"no description of {node!r}")


def _decode_path(target: type, value: Any) -> Any:
    assert target is Path, f"no parser for {target}"
    if not isinstance(value, (str, Path)):
        raise ValueError("not a path")
    return Path(value)


def _user_error(message: str, tree: object, target: type, prefix: str) -> LiparError:
    location = _LOCATION.search(message)
    path = prefix
    value = tree
    node = inspect.type_info(target)
    for step in _steps(location["path"] if location else ""):
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
        value, node = value[step], _child(node, step)  # type: ignore[index]
    if key := _KEY.search(message):
        return _key_error(key[1], f"{path}.{key[2]}" if path else key[2], key[2], value, node)
    has = f", has {len(value)}" if isinstance(value, (str, list, tuple)) and "length" in message else ""
    return ParameterError(path, value, f"must be {allowed_values(node)}{has}")


def _key_error(problem: str, path: str, name: str, values: Any, node: inspect.Type) -> LiparError:
    if problem == "required":
        return ConfigError(f"{path}: missing")
    struct = _unwrap(node)
    assert isinstance(struct, inspect.StructType)
    known = ", ".join(field.name for field in struct.fields)
    return ParameterError(path, values[name], f"unknown; known here are {known}")


def _steps(path: str) -> Iterator[str | int]:
    for name, index in _STEP.findall(path):
        yield name or int(index)


def _child(node: inspect.Type, step: str | int) -> inspect.Type:
    match _unwrap(node):
        case inspect.StructType(fields=fields):
            return next(field.type for field in fields if field.name == step)
        case inspect.VarTupleType(item_type=item):
            return item
        case inspect.TupleType(item_types=items):
            assert isinstance(step, int)
            return items[step]
    raise AssertionError(f"no {step!r} in {node!r}")


def _unwrap(node: inspect.Type) -> inspect.Type:
    """The type without its metadata and without None."""
    while True:
        if isinstance(node, inspect.Metadata):
            node = node.type
        elif isinstance(node, inspect.UnionType):
            node = next(one for one in node.types if not isinstance(_unwrap(one), inspect.NoneType))
        else:
            return node


def _extra(node: inspect.Type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while isinstance(node, (inspect.Metadata, inspect.UnionType)):
        if isinstance(node, inspect.Metadata):
            found |= node.extra or {}
            node = node.type
        else:
            node = next(one for one in node.types if not isinstance(one, inspect.NoneType))
    return found


def _bounds(node: inspect.IntType | inspect.FloatType) -> str:
    signs = ((">=", node.ge), (">", node.gt), ("<=", node.le), ("<", node.lt))
    bounds = [f"{sign} {bound:.12g}" for sign, bound in signs if bound is not None]
    return f", {' and '.join(bounds)}" if bounds else ""


def _length(node: inspect.StrType | inspect.VarTupleType, unit: str) -> str:
    return f" of {node.min_length} to {node.max_length} {unit}" if node.max_length is not None else ""
