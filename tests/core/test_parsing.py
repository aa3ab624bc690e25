"""msgspec's errors become messages with path, value and allowed range, at any depth."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from lipar_core.errors import ConfigError, LiparError, ParameterError
from lipar_core.parsing import ConfigStruct, parse


class Part(ConfigStruct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=5)]
    scale: Annotated[float, Meta(gt=0, le=10)] = 1.0

    def __post_init__(self) -> None:
        if self.scale == 7:
            raise ConfigError("scale = 7: never seven")


class Whole(ConfigStruct, frozen=True, kw_only=True):
    parts: tuple[Part, ...] = ()
    size: tuple[int, int] = (1, 1)
    limit: Annotated[int, Meta(ge=1)] | None = None
    mode: Literal["on", "off"] = "on"
    enabled: bool = True
    folder: Path | None = None
    code: Annotated[str, Meta(pattern="^[a-z]+$", extra={"allowed": "small letters"})] = "a"


def test_plain_values_become_structs():
    tree = {"parts": [{"name": "a", "scale": 2}], "size": [3, 4], "limit": None, "folder": "/tmp"}
    assert parse(tree, Whole) == Whole(parts=(Part(name="a", scale=2.0),), size=(3, 4), folder=Path("/tmp"))


def test_texts_are_numbers_where_they_come_from_the_environment():
    assert parse({"limit": "5", "enabled": "0"}, Whole, strict=False) == Whole(limit=5, enabled=False)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"parts": [{"name": "a"}, {"name": "b", "scale": 11}]}, "x.parts[1].scale = 11: must be a finite number, > 0"),
        ({"parts": [{"name": "a", "scale": 10**400}]}, "must be a finite number, > 0 and <= 10"),
        ({"parts": [{"name": "a", "scale": float("nan")}]}, "x.parts[0].scale = nan: must be a finite number"),
        ({"parts": [{"name": "abcdef"}]}, "x.parts[0].name = 'abcdef': must be a text of 1 to 5 characters, has 6"),
        ({"parts": [{"name": "a", "size": 3}]}, "x.parts[0].size = 3: unknown; known here are name, scale"),
        ({"parts": [{}]}, "x.parts[0].name: missing"),
        ({"parts": [{"name": "a", "scale": 7}]}, "scale = 7: never seven"),
        ({"parts": 5}, "x.parts = 5: must be a list"),
        ({"parts": [5]}, "x.parts[0] = 5: must be an object"),
        ({"size": [1]}, "x.size = [1]: must be a list of 2 values, has 1"),
        ({"size": [1, True]}, "x.size[1] = True: must be a whole number"),
        ({"limit": 0}, "x.limit = 0: must be a whole number, >= 1"),
        ({"limit": 1.0}, "x.limit = 1.0: must be a whole number, >= 1"),
        ({"mode": "dim"}, "x.mode = 'dim': must be one of 'off', 'on'"),
        ({"mode": [1]}, "x.mode = [1]: must be one of 'off', 'on'"),
        ({"enabled": 1}, "x.enabled = 1: must be true or false"),
        ({"folder": 3}, "x.folder = 3: must be a path"),
        ({"code": "A"}, "x.code = 'A': must be small letters"),
        ({3: 1}, "x = {3: 1}: must be an object"),
        ([], "x = []: must be an object"),
        ({"\ud800": 1}, r"x.\ud800 = '\\ud800': must be valid Unicode"),
        ({"mode": "\ud800"}, "must be"),
        ({"parts": [{"\udfff": 1}]}, "must be valid Unicode"),
    ],
)
def test_an_error_names_path_value_and_allowed_range(tree, message):
    with pytest.raises(LiparError) as rejection:
        parse(tree, Whole, "x")
    assert message in str(rejection.value)


def test_an_error_keeps_the_full_value():
    with pytest.raises(ParameterError) as rejection:
        parse({"size": [1, 2, 3]}, Whole)
    assert (rejection.value.path, rejection.value.value) == ("size", [1, 2, 3])
