"""One parser for everything that people write: presets, live parameters, settings, recipes.

The rules are the annotations of the structs (`msgspec.Meta`); msgspec checks them. This module turns its refusals into
errors that name the path, the value and what is allowed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from lipar_core.errors import ConfigError, LiparError, ParameterError

T = TypeVar("T")
_PLACE = re.compile(r"at (?:`key` in )?`\$(?P<path>.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_KEY = re.compile(r"(unknown|required) field `(.*?)`")


class ConfigStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what `parse` reads: unknown keys are refused. Subclasses say `frozen=True, kw_only=True` themselves."""


def parse(tree: object, kind: type[T], path: str = "", *, strict: bool = True) -> T:
    """Plain values (dictionaries, lists, numbers, texts) as `kind`, every rule of its annotations checked.

    path: of the tree in what the user wrote, for messages. strict=False also takes numbers and booleans as texts, as
    environment variables have them.
    Raises `ParameterError` for a bad value or an unknown key, `ConfigError` for a missing key, and the `LiparError` of
    a `__post_init__`.
    """
    try:
        return msgspec.convert(tree, kind, strict=strict, dec_hook=_custom)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, LiparError):
            raise error.__cause__ from None
        raise _refusal(str(error), tree, kind, path) from None


def field_metadata(kind: type, path: str) -> dict[str, Any]:
    """The `Meta(extra=...)` of the field at a dotted path; {} where it has none."""
    node: inspect.Type = inspect.type_info(kind)
    for name in path.split("."):
        node = _child(node, name)
    return _extra(node)


def allowed_values(node: inspect.Type) -> str:
    """What a field takes, in words that follow "must be"."""
    extra, node = _extra(node), _plain(node)
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
    raise AssertionError(f"no words for {node!r}")


def _custom(kind: type, value: Any) -> Any:
    assert kind is Path, f"no parser for {kind}"
    if not isinstance(value, (str, Path)):
        raise ValueError("not a path")
    return Path(value)


def _refusal(message: str, tree: object, kind: type, prefix: str) -> LiparError:
    place = _PLACE.search(message)
    path, value, node = prefix, tree, inspect.type_info(kind)
    for step in _steps(place["path"] if place else ""):
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
        value, node = value[step], _child(node, step)  # type: ignore[index]
    if key := _KEY.search(message):
        return _key_error(key[1], f"{path}.{key[2]}" if path else key[2], key[2], value, node)
    has = f", has {len(value)}" if isinstance(value, (str, list, tuple)) and "length" in message else ""
    return ParameterError(path, value, f"must be {allowed_values(node)}{has}")


def _key_error(problem: str, path: str, name: str, values: Any, node: inspect.Type) -> LiparError:
    if problem == "required":
        return ConfigError(f"{path}: missing")
    struct = _plain(node)
    assert isinstance(struct, inspect.StructType)
    known = ", ".join(field.name for field in struct.fields)
    return ParameterError(path, values[name], f"unknown; known here are {known}")


def _steps(path: str) -> Iterator[str | int]:
    for name, index in _STEP.findall(path):
        yield name or int(index)


def _child(node: inspect.Type, step: str | int) -> inspect.Type:
    match _plain(node):
        case inspect.StructType(fields=fields):
            return next(field.type for field in fields if field.name == step)
        case inspect.VarTupleType(item_type=item):
            return item
        case inspect.TupleType(item_types=items):
            assert isinstance(step, int)
            return items[step]
    raise AssertionError(f"no {step!r} in {node!r}")


def _plain(node: inspect.Type) -> inspect.Type:
    """Without metadata, and without the null that it may be instead."""
    while True:
        if isinstance(node, inspect.Metadata):
            node = node.type
        elif isinstance(node, inspect.UnionType):
            node = next(one for one in node.types if not isinstance(_plain(one), inspect.NoneType))
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
