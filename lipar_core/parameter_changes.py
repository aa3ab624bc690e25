"""Changes of live parameters: partial updates, checked and merged."""

import functools
from collections.abc import Mapping

import msgspec

from lipar_core.errors import ConfigError, ParameterError
from lipar_core.fields import field_type, metadata
from lipar_core.parameters import Parameters, Pruning
from lipar_core.parsing import parse
from lipar_core.weighted_prompt import WeightedPrompt

# What to set under each detector.
SETTINGS_OF_DETECTOR = {
    "anchor": "pruning.threshold, levels of 255",
    "lipar": "pruning.tau and pruning.tau2, in units of the preset's latents",
}


def merge(parameters: Parameters, changes: Mapping[str, object]) -> Parameters:
    """Apply a partial, possibly nested update; on an invalid value raises `ParameterError` and changes nothing.

    Setting one of `strength` and `denoising_steps` clears the other, and so does one of `region.box` and `region.mask`.
    Setting `prompt` clears `prompts`; setting `prompts` sets `prompt` to its first text.
    """
    if changes.get("strength") is not None and changes.get("denoising_steps") is not None:
        raise ParameterError("strength", changes["strength"], "cannot be set together with denoising_steps")
    checked = dict(changes)
    if changes.get("strength") is not None:
        checked["denoising_steps"] = None
    elif changes.get("denoising_steps") is not None:
        checked["strength"] = None
    if isinstance(region := changes.get("region"), Mapping):
        checked["region"] = _complete_region(region)
    if changes.get("prompts") is None:
        if "prompt" in changes:
            checked["prompts"] = None
    else:
        checked = _first_text(changes["prompts"]) | checked
    merged = parse(_updated(to_dict(parameters), checked), Parameters)
    _check_detector(merged.pruning, changes.get("pruning", {}))
    return merged


def _first_text(prompts: object) -> dict[str, object]:
    """The change of `prompt` that a change of `prompts` implies; {} of an empty list, which `merge` rejects."""
    try:
        items = parse(prompts, tuple[WeightedPrompt, ...], "prompts")
    except ConfigError:  # a missing key
        raise ParameterError("prompts", prompts, "must have a text in each item") from None
    return {"prompt": items[0].text} if items else {}


def _complete_region(changes: Mapping[str, object]) -> dict[str, object]:
    """Changes of the region in which setting its box unsets its mask, and the other way round."""
    other = {"box": "mask", "mask": "box"}
    unset = {other[name]: None for name in other if changes.get(name) is not None and changes.get(other[name]) is None}
    return dict(changes) | unset


def split_reset(changes: Mapping[str, object]) -> tuple[dict[str, object], bool]:
    """The parameters to set, and whether `reset`, which is an action, is requested with them."""
    settings = dict(changes)
    reset = settings.pop("reset", False)
    if not isinstance(reset, bool):
        raise ParameterError("reset", reset, "must be true or false")
    return settings, reset


def _check_detector(pruning: Pruning, changes: object) -> None:
    """Reject a setting that the active detector does not read; a complete object, as `to_dict` returns, is accepted."""
    assert isinstance(changes, Mapping)
    if set(Pruning.__struct_fields__) <= set(changes):
        return
    for name in changes:
        detector = detector_of(f"pruning.{name}")
        if detector not in (None, pruning.detector):
            instead = SETTINGS_OF_DETECTOR[pruning.detector]
            allowed = f'is read by pruning.detector "{detector}" only; under "{pruning.detector}" set {instead}'
            raise ParameterError(f"pruning.{name}", changes[name], allowed)


@functools.cache
def detector_of(path: str) -> str | None:
    """The only detector that a parameter serves; None: it serves both. Cached: reading a declaration is slow."""
    detector: str | None = metadata(field_type(Parameters, path)).get("detector")
    return detector


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
