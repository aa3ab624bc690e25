"""Where settings come from: flags first, then LIPAR_* environment variables, then defaults."""

import difflib
import json
import logging
import os
import typing
from collections.abc import Mapping

from lipar_core.errors import ConfigError
from server.setting_checks import allowed, is_allowed, plain_type, shown
from server.settings import Settings

log = logging.getLogger(__name__)

PREFIX = "LIPAR_"
NOT_OURS = ("LIPAR_WEIGHTS", "LIPAR_SOAK_S", "LIPAR_REQUIRE_TOOLS")  # read by other parts of the project
GONE = {"LIPAR_PUBLISH_TOKEN": "LIPAR_EDITOR_TOKEN"}  # what each is called now
SIMILAR = 0.8  # of two names, from which on one is taken for a misspelling of the other
TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def load_settings(flags: Mapping[str, object] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from flags (None values are not given) and the environment (nor are empty ones).

    Raises `ConfigError`, which names the setting, its value and what is allowed.
    """
    given = {name: text.strip() for name, text in environment.items() if name.startswith(PREFIX) and text.strip()}
    for old, new in GONE.items():
        if old in given:
            raise ConfigError(f"{old}: there is no such setting any more; use {new}")
    hints = typing.get_type_hints(Settings, include_extras=True)
    warn_of_misspelled(given, [PREFIX + name.upper() for name in hints])
    values: dict[str, object] = {}
    for name, hint in hints.items():
        variable = PREFIX + name.upper()
        if variable in given:
            values[name] = _parse(variable, given[variable], hint)
    values |= {name: value for name, value in (flags or {}).items() if value is not None}
    return Settings(**values)  # type: ignore[arg-type]


def warn_of_misspelled(given: Mapping[str, str], known: list[str]) -> None:
    for name in sorted(given):
        if name in known or name in NOT_OURS:
            continue
        if similar := difflib.get_close_matches(name, known, 1, SIMILAR):
            log.warning("%s is set, and is no setting; did you mean %s?", name, similar[0])


def _parse(variable: str, text: str, hint: object) -> object:
    kind = plain_type(hint)
    try:
        if kind is bool:
            value: object = TRUTH[text.lower()]
        elif typing.get_origin(kind) is tuple:
            value = tuple(json.loads(text) if text.startswith("[") else filter(None, map(str.strip, text.split(","))))
        else:
            value = kind(text)
    except (ValueError, KeyError):
        value = None
    if value is None or not is_allowed(value, hint):
        raise ConfigError(f"{variable}{shown(repr(text), hint)}: must be {allowed(hint)}")
    return value
