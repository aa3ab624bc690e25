"""Where settings come from: flags first, then LIPAR_* environment variables, then defaults."""

import difflib
import json
import logging
import os
import typing
from collections.abc import Mapping

from msgspec.structs import FieldInfo, fields

from lipar_core.errors import ConfigError, ParameterError
from lipar_core.fields import field_type, metadata
from lipar_core.parsing import parse
from server.settings import Settings

log = logging.getLogger(__name__)

PREFIX = "LIPAR_"
OTHER_VARIABLES = (  # read by other parts of the project
    "LIPAR_WEIGHTS",
    "LIPAR_COMMAND",
    "LIPAR_KERNELS",
    "LIPAR_ATTENTION",
    "LIPAR_SOAK_S",
    "LIPAR_REQUIRE_TOOLS",
)
RENAMED = {"LIPAR_PUBLISH_TOKEN": "LIPAR_EDITOR_TOKEN"}  # old name -> new name
SIMILAR = 0.8  # minimum similarity of two names for one to be a misspelling of the other
TRUTH = {"yes": True, "on": True, "no": False, "off": False}  # besides the parser's 1, true, 0 and false


def load_settings(flags: Mapping[str, object] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from flags (None: not given) and the environment (empty: not given).

    Raises `ConfigError`, which names the setting, its value and what is allowed.
    """
    variables = {name: text.strip() for name, text in environment.items() if name.startswith(PREFIX) and text.strip()}
    for old, new in RENAMED.items():
        if old in variables:
            raise ConfigError(f"{old}: there is no such setting any more; use {new}")
    known = {PREFIX + field.name.upper(): field for field in fields(Settings)}
    warn_of_misspelled(variables, list(known))
    set_flags = {name: value for name, value in (flags or {}).items() if value is not None}
    texts = {
        field.name: variables[name]
        for name, field in known.items()
        if name in variables and field.name not in set_flags
    }
    values = {field.name: _value(texts[field.name], field) for field in known.values() if field.name in texts}
    try:
        return parse(values | set_flags, Settings, strict=False)
    except ParameterError as error:
        raise _config_error(error, texts) from None


def warn_of_misspelled(variables: Mapping[str, str], known: list[str]) -> None:
    for name in sorted(variables):
        if name in known or name in OTHER_VARIABLES:
            continue
        if similar := difflib.get_close_matches(name, known, 1, SIMILAR):
            log.warning("%s is not a setting; did you mean %s?", name, similar[0])


def _value(text: str, field: FieldInfo) -> object:
    """A variable's text as input of the parser; a list is separated by commas, or JSON."""
    if field.type is bool:
        return TRUTH.get(text.lower(), text)
    if typing.get_origin(field.type) is not tuple:
        return text
    try:
        return json.loads(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]
    except ValueError:
        return text


def _config_error(error: ParameterError, texts: Mapping[str, str]) -> ConfigError:
    """The error with the variable's name if the value came from one, and without a secret value."""
    name = error.path.partition("[")[0]
    shown = f"{PREFIX}{name.upper()} = {texts[name]!r}" if name in texts else f"{error.path} = {error.value!r}"
    if metadata(field_type(Settings, name)).get("secret"):
        shown = shown.partition(" = ")[0]
    return ConfigError(f"{shown}: {error.allowed}")
