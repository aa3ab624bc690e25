"""What may change while a stream runs, with its ranges (design section 8).

The dataclasses are the schema's one home: `merge` checks against them, the server derives JSON Schema from them.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, TypeVar, get_args, get_origin

import annotated_types as at

from lipar_core.errors import ParameterError

UnitInterval = Annotated[float, at.Interval(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruning:
    """How much of the picture is recomputed.

    `threshold` serves the detector `anchor`; `tau`, `tau2` and `bound_drift` serve `lipar`, in units of the preset's
    latents.
    """

    enabled: bool = True
    detector: Literal["anchor", "lipar"] = "lipar"  # of a preset that names none: its thresholds are for it
    threshold: Annotated[float, at.Interval(ge=0, le=64)] = 8.0  # levels of 255: RMS change since last computed
    tau: Annotated[float, at.Interval(ge=0, le=2)] = 0.149  # change against the frame before
    tau2: Annotated[float, at.Interval(ge=0, le=4)] = 0.3  # change against when the patch was last computed
    min_keep: UnitInterval = 0.0  # least share of tokens computed in a frame that has any
    refresh_last_frame: bool = True  # last denoising step renders the block's last latent frame in full
    max_age: Annotated[int, at.Interval(ge=0, le=1000)] = 0  # blocks; 0 = no limit
    bound_drift: bool = False  # tokens past tau2 are computed even where the mask's clean-up takes them for noise
    recovery: bool = True  # off = pruned tokens are simply absent (ablation)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """What a new prompt does to what the model remembers."""

    mode: Literal["recache", "keep", "cut"] = "recache"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """Everything that may change live. `strength` and `denoising_steps` exclude each other."""

    prompt: Annotated[str, at.Len(1, 2000)]
    transition: Transition = Transition()
    strength: UnitInterval | None = None  # first sigma; None = as the preset or `denoising_steps` say
    denoising_steps: Annotated[tuple[Annotated[int, at.Interval(ge=1, le=999)], ...], at.Len(1, 8)] | None = None
    seed: Annotated[int, at.Interval(ge=0, le=2**32 - 1)] = 0
    pruning: Pruning = Pruning()
    paused: bool = False

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise ParameterError("prompt", self.prompt, "must hold more than white space")
        if any("\ud800" <= letter <= "\udfff" for letter in self.prompt):  # JSON can say them, UTF-8 cannot
            raise ParameterError("prompt", ascii(self.prompt), "must be valid Unicode, without lone surrogates")
        steps = self.denoising_steps
        if steps is not None and any(a <= b for a, b in pairwise(steps)):
            raise ParameterError("denoising_steps", list(steps), "must be decreasing")


SERVES = {"threshold": "anchor", "tau": "lipar", "tau2": "lipar", "bound_drift": "lipar"}  # detector, by setting
INSTEAD = {
    "anchor": "pruning.threshold, levels of 255",
    "lipar": "pruning.tau and pruning.tau2, in units of the preset's latents",
}  # what to set, by detector


def needs_whole_block(old: Parameters, new: Parameters) -> bool:
    """Whether tokens that are not computed would keep what no longer holds.

    The prompt, the schedule and the noise decide what a token would be: one that is reused would keep the old look for
    as long as its source rests. Where recovery starts the cache must have no holes, and where it ends no recovered keys
    may be left in it. Everything else only decides which tokens are computed.
    """
    return _token_settings(old) != _token_settings(new)


def _token_settings(parameters: Parameters) -> tuple[object, ...]:
    steps = parameters.strength, parameters.denoising_steps
    return parameters.prompt, *steps, parameters.seed, parameters.pruning.recovery


T = TypeVar("T")


def merge(parameters: Parameters, changes: Mapping[str, object]) -> Parameters:
    """Apply a partial, possibly nested update; raises `ParameterError` and changes nothing on any bad value.

    Setting one of `strength` and `denoising_steps` releases the other.
    """
    if changes.get("strength") is not None and changes.get("denoising_steps") is not None:
        raise ParameterError("strength", changes["strength"], "cannot be set together with denoising_steps")
    checked = dict(changes)
    if changes.get("strength") is not None:
        checked["denoising_steps"] = None
    elif changes.get("denoising_steps") is not None:
        checked["strength"] = None
    merged = _merge(parameters, checked, "")
    _check_detector(merged.pruning, changes.get("pruning", {}))
    return merged


def _check_detector(pruning: Pruning, changes: object) -> None:
    """Refuse a setting that the detector in force would not look at. A complete object, as `to_dict` gives, passes."""
    assert isinstance(changes, Mapping)
    if {field.name for field in dataclasses.fields(Pruning)} <= set(changes):
        return
    for name, detector in SERVES.items():
        if name in changes and detector != pruning.detector:
            instead = INSTEAD[pruning.detector]
            allowed = f'serves pruning.detector "{detector}" alone; under "{pruning.detector}" set {instead}'
            raise ParameterError(f"pruning.{name}", changes[name], allowed)


def to_dict(parameters: Parameters) -> dict[str, object]:
    """The parameters as JSON-ready nested dictionaries; `merge` takes them back."""
    plain: dict[str, object] = dataclasses.asdict(parameters)
    if parameters.denoising_steps is not None:
        plain["denoising_steps"] = list(parameters.denoising_steps)
    return plain


def _merge(old: T, changes: Mapping[str, object], prefix: str) -> T:
    hints = typing.get_type_hints(type(old), include_extras=True)
    unknown = sorted(set(map(str, changes)) - set(hints))
    if unknown:
        allowed = f"unknown; known here are {', '.join(hints)}"
        raise ParameterError(prefix + unknown[0], changes[unknown[0]], allowed)
    new: dict[str, object] = {}
    for name, value in changes.items():
        current, path = getattr(old, name), prefix + name
        if dataclasses.is_dataclass(current):
            if not isinstance(value, Mapping):
                raise ParameterError(path, value, "must be an object")
            new[name] = _merge(current, value, f"{path}.")
        else:
            new[name] = check(path, value, hints[name])
    return dataclasses.replace(old, **new)  # type: ignore[type-var]


def check(path: str, value: object, hint: object) -> object:
    """Return `value` as the type that `hint` names, or raise `ParameterError` with the allowed range."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        result = check(path, value, args[0])
        for constraint in args[1:]:
            _check_constraint(path, result, constraint)
        return result
    if origin is types.UnionType or origin is typing.Union:
        if value is None:
            return None
        return check(path, value, next(a for a in args if a is not type(None)))
    if origin is Literal:
        if value not in args:
            raise ParameterError(path, value, f"must be one of {', '.join(map(repr, args))}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ParameterError(path, value, "must be a list")
        return tuple(check(f"{path}[{i}]", item, args[0]) for i, item in enumerate(value))
    assert isinstance(hint, type)
    return _check_scalar(path, value, hint)


def _check_scalar(path: str, value: object, kind: type) -> object:
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and _is_finite(value):
        return float(value)
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (bool, str) and isinstance(value, kind):
        return value
    names = {float: "a finite number", int: "a whole number", bool: "true or false", str: "a text"}
    raise ParameterError(path, value, f"must be {names[kind]}")


def _is_finite(value: float) -> bool:
    """Whether it is a number that a float can hold: a whole number of JSON has no limit."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check_constraint(path: str, value: object, constraint: object) -> None:
    if isinstance(constraint, at.Interval):
        assert isinstance(value, (int, float))
        low, high = constraint.ge, constraint.le
        if not (low <= value <= high):  # type: ignore[operator]
            raise ParameterError(path, value, f"must be >= {low} and <= {high}")
    elif isinstance(constraint, at.Len):
        size = len(value)  # type: ignore[arg-type]
        if size < constraint.min_length or (constraint.max_length is not None and size > constraint.max_length):
            unit = "characters" if isinstance(value, str) else "values"
            allowed = f"must have {constraint.min_length} to {constraint.max_length} {unit}, has {size}"
            raise ParameterError(path, value, allowed)
    else:
        raise AssertionError(f"no check is written for {constraint!r}")
