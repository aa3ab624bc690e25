"""The flags of a command's prompt: `-p PROMPT`, and `--mix PROMPT WEIGHT` for others mixed into it."""

import argparse
from typing import Any

from lipar_core.errors import ParameterError

WEIGHT = "must be a finite number, >= 0 and <= 1"


def add_prompt_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-p", "--prompt", required=True, help="describes the edited picture")
    parser.add_argument(
        "--mix",
        nargs=2,
        action="append",
        default=[],
        metavar=("PROMPT", "WEIGHT"),
        help="mix another prompt with this weight, 0 to 1, into the edit; the rest of 1 is the weight of -p. "
        "Up to three times",
    )


def prompt_changes(prompt: str, mix: list[list[str]]) -> dict[str, Any]:
    """The change of live parameters that the flags mean; raises `ParameterError`."""
    if not mix:
        return {"prompt": prompt}
    weights = [_weight(weight) for _, weight in mix]
    rest = 1.0 - sum(weights)
    if rest < -1e-9:
        raise ParameterError("--mix", weights, "must have weights with a sum of at most 1")
    others = [{"text": text, "weight": weight} for (text, _), weight in zip(mix, weights, strict=True)]
    return {"prompts": [{"text": prompt, "weight": max(rest, 0.0)}, *others]}


def mix_error(error: ParameterError) -> ParameterError:
    """An error of `prompts` with the flag that has the value."""
    flag = "--prompt" if error.path.startswith("prompts[0].text") else "--mix"
    return ParameterError(flag, error.value, error.allowed)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        raise ParameterError("--mix", text, WEIGHT) from None
    if not 0 <= weight <= 1:
        raise ParameterError("--mix", text, WEIGHT)
    return weight
