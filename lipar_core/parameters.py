"""What may change while a stream runs, with its ranges (design section 8).

The structs are the schema's one home: `merge` checks against them, the server derives JSON Schema from them.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lipar_core.errors import ParameterError
from lipar_core.parsing import ConfigStruct, parse

UnitInterval = Annotated[float, Meta(ge=0, le=1)]
StepList = Annotated[tuple[Annotated[int, Meta(ge=1, le=999)], ...], Meta(min_length=1, max_length=8)]


class Pruning(ConfigStruct, frozen=True, kw_only=True):
    """How much of the picture is recomputed.

    `threshold` serves the detector `anchor`; `tau`, `tau2` and `bound_drift` serve `lipar`, in units of the preset's
    latents.
    """

    enabled: bool = True
    detector: Literal["anchor", "lipar"] = "lipar"  # of a preset that names none: its thresholds are for it
    threshold: Annotated[float, Meta(ge=0, le=64)] = 8.0  # levels of 255: RMS change since last computed
    tau: Annotated[float, Meta(ge=0, le=2)] = 0.149  # change against the frame before
    tau2: Annotated[float, Meta(ge=0, le=4)] = 0.3  # change against when the patch was last computed
    min_keep: UnitInterval = 0.0  # least share of tokens computed in a frame that has any
    refresh_last_frame: bool = True  # last denoising step renders the block's last latent frame in full
    max_age: Annotated[int, Meta(ge=0, le=1000)] = 0  # blocks; 0 = no limit
    bound_drift: bool = False  # tokens past tau2 are computed even where the mask's clean-up takes them for noise
    recovery: bool = True  # off = pruned tokens are simply absent (ablation)


class Transition(ConfigStruct, frozen=True, kw_only=True):
    """What a new prompt does to what the model remembers."""

    mode: Literal["recache", "keep", "cut"] = "recache"


class Parameters(ConfigStruct, frozen=True, kw_only=True):
    """Everything that may change live. `strength` and `denoising_steps` exclude each other."""

    prompt: Annotated[str, Meta(min_length=1, max_length=2000)]
    transition: Transition = Transition()
    strength: UnitInterval | None = None  # first sigma; None = as the preset or `denoising_steps` say
    denoising_steps: StepList | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
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
    merged = parse(_updated(to_dict(parameters), checked), Parameters)
    _check_detector(merged.pruning, changes.get("pruning", {}))
    return merged


def _check_detector(pruning: Pruning, changes: object) -> None:
    """Refuse a setting that the detector in force would not look at. A complete object, as `to_dict` gives, passes."""
    assert isinstance(changes, Mapping)
    if set(Pruning.__struct_fields__) <= set(changes):
        return
    for name, detector in SERVES.items():
        if name in changes and detector != pruning.detector:
            instead = INSTEAD[pruning.detector]
            allowed = f'serves pruning.detector "{detector}" alone; under "{pruning.detector}" set {instead}'
            raise ParameterError(f"pruning.{name}", changes[name], allowed)


def to_dict(parameters: Parameters) -> dict[str, object]:
    """The parameters as nested dictionaries, ready for JSON; `merge` takes them back."""
    plain: dict[str, object] = msgspec.to_builtins(parameters, order=None)
    return plain


def _updated(values: dict[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """Nested dictionaries with the changes in them; what may be there is for `parse` to say."""
    new = dict(values)
    for name, change in changes.items():
        current = values.get(name)
        if isinstance(current, dict) and isinstance(change, Mapping):
            new[name] = _updated(current, change)
        else:
            new[name] = change
    return new
