"""Parameters that may change while a stream runs, with their ranges.

The structs are the only schema: `merge` validates against them, the server derives JSON Schema from them.
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

    `threshold` is read by the detector `anchor`; `tau`, `tau2` and `bound_drift` by `lipar`, in units of the preset's
    latents.
    """

    enabled: bool = True
    detector: Literal["anchor", "lipar"] = "lipar"  # default: presets without a detector have its thresholds
    threshold: Annotated[float, Meta(ge=0, le=64)] = 8.0  # levels of 255: RMS change since last computed
    tau: Annotated[float, Meta(ge=0, le=2)] = 0.149  # change against the previous frame
    tau2: Annotated[float, Meta(ge=0, le=4)] = 0.3  # change since the patch was last computed
    min_keep: UnitInterval = 0.0  # minimum ratio of tokens computed in a frame that has any
    refresh_last_frame: bool = True  # the last denoising step computes the block's last latent frame in full
    max_age: Annotated[int, Meta(ge=0, le=1000)] = 0  # blocks; 0 = no limit
    bound_drift: bool = False  # tokens past tau2 are computed even if the mask's clean-up removes them
    recovery: bool = True  # off = pruned tokens are absent from attention (ablation)


class Transition(ConfigStruct, frozen=True, kw_only=True):
    """What a new prompt does to the KV cache."""

    mode: Literal["recache", "keep", "cut"] = "recache"


class Parameters(ConfigStruct, frozen=True, kw_only=True):
    """Everything that may change live. `strength` and `denoising_steps` exclude each other."""

    prompt: Annotated[str, Meta(min_length=1, max_length=2000)]
    transition: Transition = Transition()
    strength: UnitInterval | None = None  # first sigma; None = set by the preset or `denoising_steps`
    denoising_steps: StepList | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    pruning: Pruning = Pruning()
    paused: bool = False

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise ParameterError("prompt", self.prompt, "must hold more than white space")
        if any("\ud800" <= character <= "\udfff" for character in self.prompt):  # valid in JSON, not in UTF-8
            raise ParameterError("prompt", ascii(self.prompt), "must be valid Unicode, without lone surrogates")
        steps = self.denoising_steps
        if steps is not None and any(a <= b for a, b in pairwise(steps)):
            raise ParameterError("denoising_steps", list(steps), "must be decreasing")


# The detector that reads each setting, and what to set under each detector.
DETECTOR_OF_SETTING = {"threshold": "anchor", "tau": "lipar", "tau2": "lipar", "bound_drift": "lipar"}
SETTINGS_OF_DETECTOR = {
    "anchor": "pruning.threshold, levels of 255",
    "lipar": "pruning.tau and pruning.tau2, in units of the preset's latents",
}


def needs_full_block(old: Parameters, new: Parameters) -> bool:
    """Whether a change requires the next block to be computed in full, because reused tokens would be outdated.

    Prompt, schedule and noise determine a token's content: a reused token would keep the old look as long as its source
    is static. When recovery is turned on, the cache must have no absent tokens; when it is turned off, no recovered
    keys may be left in it. All other parameters only decide which tokens are computed.
    """
    return _token_settings(old) != _token_settings(new)


def _token_settings(parameters: Parameters) -> tuple[object, ...]:
    steps = parameters.strength, parameters.denoising_steps
    return parameters.prompt, *steps, parameters.seed, parameters.pruning.recovery


def merge(parameters: Parameters, changes: Mapping[str, object]) -> Parameters:
    """Apply a partial, possibly nested update; on an invalid value raises `ParameterError` and changes nothing.

    Setting one of `strength` and `denoising_steps` clears the other.
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
    """Reject a setting that the active detector does not read; a complete object, as `to_dict` returns, is accepted."""
    assert isinstance(changes, Mapping)
    if set(Pruning.__struct_fields__) <= set(changes):
        return
    for name, detector in DETECTOR_OF_SETTING.items():
        if name in changes and detector != pruning.detector:
            instead = SETTINGS_OF_DETECTOR[pruning.detector]
            allowed = f'is read by pruning.detector "{detector}" only; under "{pruning.detector}" set {instead}'
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
