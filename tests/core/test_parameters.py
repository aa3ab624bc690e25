import pytest

from lipar_core.errors import ParameterError
from lipar_core.parameter_changes import merge, to_dict
from lipar_core.parameters import Parameters
from lipar_core.region import encode_mask

START = Parameters(prompt="a sketch")


def test_nested_change_leaves_the_rest():
    changed = merge(START, {"pruning": {"tau": 0.5}, "seed": 7})
    assert changed.pruning.tau == 0.5
    assert changed.seed == 7
    assert changed.pruning.tau2 == START.pruning.tau2
    assert changed.prompt == "a sketch"


def test_round_trip_through_json_values():
    parameters = merge(START, {"denoising_steps": [400, 250], "transition": {"mode": "cut"}, "pruning": {"tau": 0.7}})
    for detector in ("lipar", "anchor"):  # the other detector's thresholds are kept, and accepted in a complete object
        parameters = merge(parameters, {"pruning": {"detector": detector}})
        assert merge(START, to_dict(parameters)) == parameters


def test_strength_and_steps_clear_each_other():
    stepped = merge(START, {"denoising_steps": [300, 100]})
    assert merge(stepped, {"strength": 0.4}).denoising_steps is None
    assert merge(merge(START, {"strength": 0.4}), {"denoising_steps": [300]}).strength is None


@pytest.mark.parametrize(
    ("changes", "path", "allowed"),
    [
        ({"pruning": {"tau": -1}}, "pruning.tau", ">= 0 and <= 2"),
        ({"pruning": {"tua": 1}}, "pruning.tua", "unknown"),
        ({"pruning": {"threshold": 65, "detector": "anchor"}}, "pruning.threshold", ">= 0 and <= 64"),
        ({"pruning": {"threshold": 8}}, "pruning.threshold", "set pruning.tau and pruning.tau2"),
        ({"pruning": {"detector": "anchor", "tau": 0.1}}, "pruning.tau", "set pruning.threshold"),
        ({"pruning": {"detector": "anchor", "tau2": 0.1}}, "pruning.tau2", "set pruning.threshold"),
        ({"pruning": {"detector": "anchor", "bound_drift": True}}, "pruning.bound_drift", "set pruning.threshold"),
        ({"pruning": {"detector": "eyes"}}, "pruning.detector", "'anchor', 'lipar'"),
        ({"pruning": 3}, "pruning", "object"),
        ({"pruning": {"enabled": 1}}, "pruning.enabled", "true or false"),
        ({"colour": "red"}, "colour", "prompt, prompts, transition"),
        ({"prompt": ""}, "prompt", "1 to 2000"),
        ({"prompt": " \n"}, "prompt", "white space"),
        ({"prompt": "a" * 3000}, "prompt", "3000"),
        ({"denoising_steps": [250, 400]}, "denoising_steps", "decreasing"),
        ({"denoising_steps": [0]}, "denoising_steps[0]", ">= 1 and <= 999"),
        ({"denoising_steps": []}, "denoising_steps", "1 to 8"),
        ({"denoising_steps": [300], "strength": 0.3}, "strength", "together"),
        ({"strength": float("nan")}, "strength", "finite"),
        ({"strength": "0.5"}, "strength", "number"),
        ({"strength": 10**400}, "strength", "finite"),  # JSON integers are unbounded
        ({"seed": 1.5}, "seed", "whole"),
        ({"transition": {"mode": "blink"}}, "transition.mode", "'recache'"),
    ],
)
def test_rejection_names_path_value_and_what_is_allowed(changes, path, allowed):
    with pytest.raises(ParameterError) as rejection:
        merge(START, changes)
    assert rejection.value.path == path
    assert allowed in str(rejection.value)
    assert "\n" not in str(rejection.value)


def test_box_and_mask_clear_each_other():
    boxed = merge(START, {"region": {"box": [0, 0, 0.5, 0.5]}})
    masked = merge(boxed, {"region": {"mask": encode_mask(1, 1, b"\xff")}})
    assert masked.region.box is None
    assert merge(masked, {"region": {"box": [0, 0, 1, 1]}}).region.mask is None
    assert not merge(masked, {"region": {"mask": None}}).region.is_set


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({"box": [0.5, 0, 0.6, 1]}, "region.box = [0.5, 0.0, 0.6, 1.0]: must lie inside the picture"),
        ({"box": [0, 0, 0, 1]}, "region.box = [0.0, 0.0, 0.0, 1.0]: must have a width and a height above 0"),
        ({"box": [0, 0, 1]}, "region.box = [0, 0, 1]: must be a list of 4 values"),
        ({"box": [0, 0, 1, 2]}, "region.box[3] = 2: must be a finite number, >= 0 and <= 1"),
        ({"mask": "1x1:AAAA"}, "region.mask = '1x1:AAAA': must be WIDTHxHEIGHT:DATA"),
        ({"mask": "9999x1:" + encode_mask(1, 1, b"a")[4:]}, "must be WIDTHxHEIGHT:DATA"),
        ({"mask": encode_mask(2, 2, b"abc")}, "must have 4 bytes of data, has 3"),
        ({"mask": encode_mask(2, 2, bytes(10_000_000))}, "must have 4 bytes of data, has more than 4"),
        ({"box": [0, 0, 1, 1], "mask": encode_mask(1, 1, b"a")}, "region.box"),
        ({"feather": 0.3}, "region.feather = 0.3: must be a finite number, >= 0 and <= 0.25"),
    ],
)
def test_a_region_that_cannot_be_is_rejected(region, message):
    with pytest.raises(ParameterError) as rejection:
        merge(START, {"region": region})
    assert message in str(rejection.value)
