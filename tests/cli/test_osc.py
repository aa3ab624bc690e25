"""`lipar osc`: addresses and arguments as changes; a live session is in tests/server/test_live.py."""

import pytest

from lipar_cli.osc_bridge.parameters import OscError, OscParameters
from lipar_core.parameters import json_schema

PARAMETERS = OscParameters(json_schema())


@pytest.mark.parametrize(
    ("address", "arguments", "change"),
    [
        ("/lipar/prompt", ["neon"], {"prompt": "neon"}),
        ("/lipar/prompt", ["an", "oil", "painting"], {"prompt": "an oil painting"}),  # Pure Data's list of words
        ("/lipar/strength", [0.25], {"strength": 0.25}),
        ("/lipar/pruning/threshold", [8], {"pruning": {"threshold": 8}}),
        ("/lipar/pruning/enabled", [1.0], {"pruning": {"enabled": True}}),
        ("/lipar/seed", [7.0], {"seed": 7}),
        ("/lipar/denoising_steps", [400, 250.0], {"denoising_steps": [400, 250]}),
        ("/lipar/region/box", [0.0, 0.0, 0.5, 1.0], {"region": {"box": [0.0, 0.0, 0.5, 1.0]}}),
        ("/lipar/transition/mode", ["blend"], {"transition": {"mode": "blend"}}),
        (
            "/lipar/prompts",
            ["a", 0.5, "b", 1],
            {"prompts": [{"text": "a", "weight": 0.5}, {"text": "b", "weight": 1}]},
        ),
        ("/lipar/reset", [], {"reset": True}),
        ("/lipar/reset", [1.0], {"reset": True}),
        ("/lipar/reset", [0.0], {}),  # the button is released
    ],
)
def test_an_address_is_a_parameter_s_path(address, arguments, change):
    assert PARAMETERS.change_of(address, arguments) == change


@pytest.mark.parametrize(
    ("address", "arguments", "message"),
    [
        ("/lipar/colour", [1], "/lipar/colour 1: unknown; known are /lipar/prompt, "),
        ("/other/prompt", ["a"], "/other/prompt 'a': unknown"),
        ("/lipar/strength", ["much"], "/lipar/strength 'much': must be one number from 0"),
        ("/lipar/strength", [], "/lipar/strength: must be one number"),
        ("/lipar/prompt", [1, 2], "/lipar/prompt 1 2: must be one text"),
        ("/lipar/seed", [0.5], "/lipar/seed 0.5: must be one whole number from 0 to 4294967295"),
        ("/lipar/paused", ["yes"], "/lipar/paused 'yes': must be 0 or 1"),
        ("/lipar/prompts", ["a", 0.5, "b"], "must be texts, each followed by its weight"),
    ],
)
def test_a_message_that_is_no_change_is_named_with_what_is_allowed(address, arguments, message):
    with pytest.raises(OscError) as error:
        PARAMETERS.change_of(address, arguments)
    assert message in str(error.value)


def test_a_busy_port_and_a_missing_server_are_one_line(lipar):
    _, _, text = lipar("osc", "--url", "http://127.0.0.1:9", "--port", 0)
    assert text.startswith("lipar: http://127.0.0.1:9 does not respond")
    assert text.count("\n") == 1
    assert lipar("osc", "--port", 70000)[2] == "lipar: --port = 70000: must be 0 to 65535\n"
