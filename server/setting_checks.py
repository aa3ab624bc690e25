"""What a setting may be: declared beside its field, checked here, said in words."""

import math
import re
import types
import typing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import annotated_types as at

from lipar_core.errors import ConfigError

WORDS = {bool: "true or false (1 or 0)", int: "a whole number", float: "a finite number", str: "a text", Path: "a path"}


@dataclass(frozen=True, slots=True)
class Matching:
    """A text, or each of several, that the pattern matches as a whole. A secret one is never shown."""

    pattern: str
    allowed: str
    secret: bool = False


def check_fields(settings: Any) -> None:
    """Raises `ConfigError` for the first field that is not what its annotation allows."""
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        value, hint = getattr(settings, field.name), hints[field.name]
        if not is_allowed(value, hint):
            raise ConfigError(f"{field.name}{shown(value, hint)}: must be {allowed(hint)}")


def shown(value: object, hint: object) -> str:
    """` = value`; nothing for a secret."""
    secret = any(isinstance(one, Matching) and one.secret for one in constraints(hint))
    return "" if secret else f" = {value}"


def is_allowed(value: object, hint: object) -> bool:
    if value is None:
        return type(None) in get_args(hint)
    kind = plain_type(hint)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is_allowed_one(one, str, hint) for one in value)
    return _is_allowed_one(value, kind, hint)


def plain_type(hint: object) -> Any:
    """`Annotated[int, ...] | None` -> `int`"""
    if isinstance(hint, types.UnionType) or get_origin(hint) is typing.Union:
        hint = next(one for one in get_args(hint) if one is not type(None))
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def constraints(hint: object) -> tuple[object, ...]:
    if isinstance(hint, types.UnionType) or get_origin(hint) is typing.Union:
        hint = next(one for one in get_args(hint) if one is not type(None))
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def allowed(hint: object) -> str:
    """In words, to go on from "must be"."""
    kind = plain_type(hint)
    for one in constraints(hint):
        if isinstance(one, Matching):
            return one.allowed
        if isinstance(one, at.Interval):
            low = f"more than {one.gt}" if one.gt is not None else f"at least {one.ge}"
            return f"{WORDS[kind]}, {low} and at most {one.le}"
    return WORDS[kind] if kind is not str else "a text that is not empty"


def _is_allowed_one(value: object, kind: type, hint: object) -> bool:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, str) and not value.strip():
        return False
    return all(_meets(value, one) for one in constraints(hint))


def _meets(value: Any, constraint: object) -> bool:
    match constraint:
        case at.Interval(gt=gt, ge=ge, le=le):
            return (gt is None or value > gt) and (ge is None or value >= ge) and (le is None or value <= le)
        case Matching(pattern=pattern):
            return re.fullmatch(pattern, value) is not None
    raise AssertionError(f"no check is written for {constraint!r}")
