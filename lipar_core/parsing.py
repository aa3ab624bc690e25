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
from lipar_core.fields import allowed_values, child_type, plain_type

T = TypeVar("T")
NOT_UNICODE = "must be valid Unicode, without lone surrogates"
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
        return msgspec.convert(tree, target, strict=strict, dec_hook=_decode_object)
    except UnicodeEncodeError as error:  # of a key or a choice; JSON allows what UTF-8 does not
        name = ascii(error.object)[1:-1]
        raise ParameterError(_join(path, name), name, NOT_UNICODE) from None
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, LiparError):
            raise error.__cause__ from None
        raise _user_error(str(error), tree, target, path) from None


def _decode_object(target: type, value: Any) -> Any:
    if target is not Path:
        return value  # parsed before: msgspec checks its type
    if not isinstance(value, (str, Path)):
        raise ValueError("not a path")
    return Path(value)


def _user_error(message: str, tree: object, target: type, prefix: str) -> LiparError:
    location = _LOCATION.search(message)
    path = prefix
    value = tree
    node = inspect.type_info(target)
    for step in _steps(location["path"] if location else ""):
        path = _join(path, step)
        value, node = value[step], child_type(node, step)  # type: ignore[index]
    if key := _KEY.search(message):
        return _key_error(key[1], _join(path, key[2]), key[2], value, node)
    has = f", has {len(value)}" if isinstance(value, (str, list, tuple)) and "length" in message else ""
    return ParameterError(path, value, f"must be {allowed_values(node)}{has}")


def _key_error(problem: str, path: str, name: str, values: Any, node: inspect.Type) -> LiparError:
    if problem == "required":
        return ConfigError(f"{path}: missing")
    struct = plain_type(node)
    assert isinstance(struct, inspect.StructType)
    known = ", ".join(field.name for field in struct.fields)
    return ParameterError(path, values[name], f"unknown; known here are {known}")


def _join(path: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def _steps(path: str) -> Iterator[str | int]:
    for name, index in _STEP.findall(path):
        yield name or int(index)
