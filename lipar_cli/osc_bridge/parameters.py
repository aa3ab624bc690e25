"""OSC addresses and arguments as changes of live parameters, by the server's JSON Schema."""

from collections.abc import Iterator, Sequence
from typing import Any

from lipar_core.errors import LiparError

PREFIX = "/lipar/"
Schema = dict[str, Any]


class OscError(LiparError):
    """A message that is no change; its text names address, arguments and what is allowed."""


class OscParameters:
    """`/lipar/pruning/threshold 8` is the parameter `pruning.threshold`."""

    def __init__(self, schema: Schema) -> None:
        self._leaves = dict(_leaves(schema, schema, ""))

    def change_of(self, address: str, arguments: Sequence[object]) -> dict[str, Any]:
        """The change that a message means; {} for the release of a button that resets. Raises `OscError`."""
        name = address.removeprefix(PREFIX) if address.startswith(PREFIX) else ""
        if name == "reset":
            return {} if arguments and not arguments[0] else {"reset": True}
        if name not in self._leaves:
            known = ", ".join(PREFIX + leaf for leaf in (*self._leaves, "reset"))
            raise OscError(f"{_shown(address, arguments)}: unknown; known are {known}")
        schema = self._leaves[name]
        try:
            value = _pairs(arguments) if name == "prompts" else _value(schema, arguments)
        except ValueError:
            allowed = "texts, each followed by its weight" if name == "prompts" else _allowed(schema)
            raise OscError(f"{_shown(address, arguments)}: must be {allowed}") from None
        return _nested(name.split("/"), value)

    @staticmethod
    def address_of(path: str) -> str:
        """The address of a parameter's path, such as `prompts[0].weight`."""
        return PREFIX + path.partition("[")[0].replace(".", "/")


def _leaves(root: Schema, node: Schema, prefix: str) -> Iterator[tuple[str, Schema]]:
    for name, child in node["properties"].items():
        schema = _resolved(root, child)
        if "properties" in schema:
            yield from _leaves(root, schema, f"{prefix}{name}/")
        else:
            yield prefix + name, schema


def _resolved(root: Schema, node: Schema) -> Schema:
    """The schema without references, and without an alternative null."""
    for choice in node.get("anyOf", []):
        if choice.get("type") != "null":
            return node | _resolved(root, choice)
    if "$ref" in node:
        return _resolved(root, root["$defs"][node["$ref"].rpartition("/")[2]])
    return node


def _value(schema: Schema, arguments: Sequence[object]) -> object:
    """Raises `ValueError`. The server checks ranges."""
    if schema.get("type") == "array":
        item = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        if not arguments:
            raise ValueError
        return [_value(item if isinstance(item, dict) else {}, [argument]) for argument in arguments]
    kind = schema.get("type")
    if kind == "string" and len(arguments) > 1 and all(isinstance(word, str) for word in arguments):
        return " ".join(map(str, arguments))  # Pure Data sends a list's words as strings
    if len(arguments) != 1:
        raise ValueError
    value = arguments[0]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "boolean" and value in (0, 1):  # a button sends 1.0, then 0.0
        return bool(value)
    if kind == "integer" and is_number and float(str(value)).is_integer():  # a fader sends floats
        return int(float(str(value)))
    if (kind in (None, "number") and is_number) or (kind in (None, "string") and isinstance(value, str)):
        return value
    raise ValueError


def _pairs(arguments: Sequence[object]) -> list[dict[str, object]]:
    """`"a sketch" 0.7 "neon" 0.3`. Raises `ValueError`."""
    texts, weights = arguments[::2], arguments[1::2]
    if not arguments or not all(isinstance(text, str) for text in texts):
        raise ValueError
    return [{"text": text, "weight": weight} for text, weight in zip(texts, weights, strict=True)]


def _allowed(schema: Schema) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(repr, schema["enum"]))
    kinds = {"boolean": "0 or 1", "integer": "one whole number", "number": "one number", "string": "one text"}
    text = kinds.get(schema.get("type", ""), "one or more numbers")
    bounds = [str(schema[name]) for name in ("minimum", "maximum") if name in schema]
    return " ".join([text, *([f"from {' to '.join(bounds)}"] if len(bounds) == 2 else [])])


def _nested(names: list[str], value: object) -> dict[str, Any]:
    first, *rest = names
    return {first: _nested(rest, value) if rest else value}


def _shown(address: str, arguments: Sequence[object]) -> str:
    shown = " ".join(repr(argument) for argument in arguments)
    return f"{address[:80]} {shown if len(shown) <= 80 else f'{shown[:77]}...'}".rstrip()
