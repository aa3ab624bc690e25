"""Fields of structs: their declaration, types, constraints and metadata."""

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Meta, inspect

Group = Literal["edit", "pruning", "more"]  # of the page's controls


def describe(
    title: str,
    description: str,
    group: Group | None = None,
    *,
    unit: str = "",
    curve: int = 1,
    detector: str | None = None,
    **limits: Any,
) -> Meta:
    """Declares a parameter for validation, for the generated documents and for the page's controls.

    group: the page's group of controls, ordered as declared; None: not in a group. unit: "percent" of a ratio, or a
    word after the value. curve: exponent of a slider's scale: above 1, small values get more of its travel. detector:
    the only one that reads the parameter. limits: `msgspec.Meta`'s.
    """
    hints = {"group": group, "unit": unit, "curve": curve, "detector": detector}
    shown = {name: hint for name, hint in hints.items() if hint not in (None, "")} if group else {}
    return Meta(title=title, description=description, extra_json_schema=shown, **limits)


def field_type(struct_class: type, path: str) -> inspect.Type:
    """The type of the field at a dotted path, with its metadata."""
    node: inspect.Type = inspect.type_info(struct_class)
    for name in path.split("."):
        node = child_type(node, name)
    return node


def leaf_fields(struct_class: type, prefix: str = "") -> Iterator[tuple[str, inspect.Type]]:
    """All leaf fields (no structs), by dotted path, in order of declaration."""
    struct = inspect.type_info(struct_class)
    assert isinstance(struct, inspect.StructType)
    for field in struct.fields:
        inner = plain_type(field.type)
        if isinstance(inner, inspect.StructType):
            yield from leaf_fields(inner.cls, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field.type


def metadata(node: inspect.Type) -> dict[str, Any]:
    """A field's `Meta(extra=...)` and JSON Schema metadata; {} if it has none."""
    merged: dict[str, Any] = {}
    while isinstance(node, (inspect.Metadata, inspect.UnionType)):
        if isinstance(node, inspect.Metadata):
            merged = (node.extra_json_schema or {}) | (node.extra or {}) | merged
            node = node.type
        else:
            node = _not_null(node)
    return merged


def allowed_values(node: inspect.Type) -> str:
    """The allowed values in words, to follow "must be"."""
    extra, node = metadata(node), plain_type(node)
    if "allowed" in extra:
        return str(extra["allowed"])
    match node:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _bounds(node)
        case inspect.FloatType():
            return "a finite number" + _bounds(node)
        case inspect.StrType():
            return "a text" + _length(node, "characters")
        case inspect.VarTupleType():
            return "a list" + _length(node, "values")
        case inspect.TupleType():
            return f"a list of {len(node.item_types)} values"
        case inspect.LiteralType():
            return f"one of {', '.join(map(repr, node.values))}"
        case inspect.StructType():
            return "an object"
        case inspect.CustomType():
            return "a path"
    raise AssertionError(f"no description of {node!r}")


def child_type(node: inspect.Type, step: str | int) -> inspect.Type:
    """The type of a struct's field or of a list's item."""
    match plain_type(node):
        case inspect.StructType(fields=fields):
            return next(field.type for field in fields if field.name == step)
        case inspect.VarTupleType(item_type=item):
            return item
        case inspect.TupleType(item_types=items):
            assert isinstance(step, int)
            return items[step]
    raise AssertionError(f"no {step!r} in {node!r}")


def plain_type(node: inspect.Type) -> inspect.Type:
    """The type without metadata and without an alternative null."""
    while isinstance(node, (inspect.Metadata, inspect.UnionType)):
        node = node.type if isinstance(node, inspect.Metadata) else _not_null(node)
    return node


def _not_null(union: inspect.UnionType) -> inspect.Type:
    return next(variant for variant in union.types if not isinstance(variant, inspect.NoneType))


def _bounds(node: inspect.IntType | inspect.FloatType) -> str:
    signs = ((">=", node.ge), (">", node.gt), ("<=", node.le), ("<", node.lt))
    bounds = [f"{sign} {bound:.12g}" for sign, bound in signs if bound is not None]
    return f", {' and '.join(bounds)}" if bounds else ""


def _length(node: inspect.StrType | inspect.VarTupleType, unit: str) -> str:
    return f" of {node.min_length} to {node.max_length} {unit}" if node.max_length is not None else ""
