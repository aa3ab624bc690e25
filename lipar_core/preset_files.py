"""Preset files: YAML, those that are bundled by name; a file may say only what differs from a bundled preset."""

from pathlib import Path
from typing import Any

import yaml

from lipar_core.errors import ConfigError, one_line

Tree = dict[str, Any]  # sections by name


def presets_folder() -> Path:
    """The folder of preset files: inside an installed package, beside it in a checkout."""
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "configs"


def preset_names() -> list[str]:
    """The bundled presets, by name."""
    return sorted(path.stem for path in presets_folder().glob("*.yaml"))


def preset_path(name_or_path: str | Path) -> Path:
    """Of a bundled preset, by name, or of any YAML file. Raises `ConfigError` for an unknown name."""
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return path
    if str(name_or_path) not in preset_names():
        raise ConfigError(f"preset {str(name_or_path)!r} is unknown: choose one of {', '.join(preset_names())}")
    return presets_folder() / f"{name_or_path}.yaml"


def read_preset_file(path: Path) -> Tree:
    """A file's sections, as they are. Raises `ConfigError`."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"preset {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"preset {path}: not YAML ({one_line(error)})") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"preset {path}: must be a mapping of sections")
    return tree


def with_base(tree: Tree) -> Tree:
    """The sections of the bundled preset that `extends` names, with what the tree has: keys of a section, or values.

    Raises `ConfigError` if there is no such preset.
    """
    if "extends" not in tree:
        return tree
    name = tree["extends"]
    if name not in preset_names():
        raise ConfigError(f"extends = {name!r}: must be one of {', '.join(preset_names())}")
    merged = with_base(read_preset_file(preset_path(name)))
    for key, value in tree.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merged[key] | value if both else value
    del merged["extends"]
    return merged
