"""Response bodies that are msgspec structs: FastAPI serialises and documents them by the struct itself."""

from functools import partial
from typing import Any

import msgspec
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema


def struct_body(struct: type[msgspec.Struct]) -> tuple[Any, ...]:
    """Pydantic's annotations of a struct: `Annotated[Acknowledgement, *struct_body(Acknowledgement)]`."""
    document = msgspec.json.schema(struct)
    return (
        PlainValidator(partial(msgspec.convert, type=struct)),
        PlainSerializer(msgspec.to_builtins),
        WithJsonSchema(_without_references(document, document["$defs"])),
    )


def _without_references(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its references resolved, so that it can be part of another document."""
    if isinstance(schema, list):
        return [_without_references(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _without_references(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    first, *others = schema.get("prefixItems", [None])
    if first is not None and all(item == first for item in others):  # fewer tools know `prefixItems`
        schema = {name: value for name, value in schema.items() if name != "prefixItems"} | {"items": first}
    return {name: _without_references(value, definitions) for name, value in schema.items() if name != "$defs"}
