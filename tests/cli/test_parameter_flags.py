"""Each live parameter has a flag, made from its declaration."""

import argparse

import pytest

from lipar_cli.parameter_flags import NO_FLAG, add_parameter_flags, flag_of, parameters_from_flags
from lipar_cli.prompt_flags import add_prompt_flags
from lipar_core.errors import LiparError
from lipar_core.fields import leaf_fields
from lipar_core.parameters import Parameters
from lipar_core.presets import default_parameters, load_preset

PRESET = load_preset("tiny")


def given(*flags: str) -> Parameters:
    parser = argparse.ArgumentParser()
    add_prompt_flags(parser)
    add_parameter_flags(parser)
    return parameters_from_flags(parser.parse_args(["-p", "a sketch", *flags]), PRESET)


def test_every_parameter_has_a_flag_with_help():
    parser = argparse.ArgumentParser()
    add_parameter_flags(parser)
    shown = parser.format_help()
    for path, _ in leaf_fields(Parameters):
        assert (f"  {flag_of(path)}" in shown) is (path not in NO_FLAG)


def test_other_prompts_are_mixed_into_the_first():
    assert given().prompts is None
    prompts = given("--mix", "neon", "0.25", "--mix", "pop art", "0.5").prompts
    assert [(p.text, p.weight) for p in prompts or ()] == [("a sketch", 0.25), ("neon", 0.25), ("pop art", 0.5)]


def test_flags_change_only_the_parameters_that_they_name():
    assert given().pruning == default_parameters(PRESET).pruning
    parameters = given(
        "--min-keep", "0.25", "--no-pruning", "--transition-mode", "cut", "--denoising-steps", "300", "100"
    )
    assert parameters.pruning.min_keep == 0.25
    assert not parameters.pruning.enabled
    assert parameters.transition.mode == "cut"
    assert parameters.denoising_steps == (300, 100)
    assert parameters.pruning.threshold == default_parameters(PRESET).pruning.threshold


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--min-keep", "2"), "--min-keep = 2.0: must be a finite number, >= 0 and <= 1"),
        (("--denoising-steps", "5", "0"), "--denoising-steps = 0: must be a whole number, >= 1 and <= 999"),
        (("--mix", "neon", "much"), "--mix = 'much': must be a finite number, >= 0 and <= 1"),
        (("--mix", "neon", "-1"), "--mix = '-1': must be a finite number, >= 0 and <= 1"),
        (
            ("--mix", "neon", "0.7", "--mix", "b", "0.7"),
            "--mix = [0.7, 0.7]: must have weights",
        ),
        (("--mix", "  ", "0.7"), "--mix = '  ': must hold more than white space"),
        (("--tau", "0.1"), '--tau = 0.1: is read by pruning.detector "lipar" only'),
    ],
)
def test_a_rejection_names_the_flag(flags, message):
    with pytest.raises(LiparError) as rejection:
        given(*flags)
    assert message in str(rejection.value)
