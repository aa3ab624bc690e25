"""docs/reference.md is what the server's schemas say."""

import importlib.util
from types import ModuleType

from harness.local import ROOT


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "scripts" / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date() -> None:
    generator = load_generator()
    assert generator.TARGET.read_text(encoding="utf-8") == generator.reference(), "run scripts/generate_reference.py"


def test_ranges_and_types_are_written_in_words() -> None:
    generator = load_generator()
    optional = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]}
    assert generator.type_name(optional) == "number or null"
    assert generator.limits(optional) == " (0 to 1)"
    assert generator.limits({"minLength": 1, "maxLength": 9}) == " (1 to 9 characters)"
    assert generator.type_name({"type": "array", "items": {"$ref": "#/x/Status"}}) == "list of [Status](#status)"
