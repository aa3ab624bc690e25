"""Presets: the bundled ones by name, any other as a YAML file."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lipar_core.config import Preset, StreamSection, WeightsConfig, resolve_stream
from lipar_core.errors import ConfigError, ParameterError
from lipar_core.kinds.registry import SECTIONS
from lipar_core.kinds.text import HashedConfig, TextDtype, UMT5Config
from lipar_core.parameters import Parameters
from lipar_core.parsing import parse
from lipar_core.preset_files import Tree, preset_path, read_preset_file, with_base


def default_parameters(preset: Preset, *, live: bool = False) -> Parameters:
    """The preset's initial parameters; `live` sessions have their own thresholds."""
    pruning = preset.live_pruning if live else preset.pruning
    return Parameters(prompt=preset.styles[0].prompt, smoothing=preset.smoothing, pruning=pruning)


def with_text_dtype(preset: Preset, dtype: TextDtype | None) -> Preset:
    """The preset with another dtype of its text encoder (None: unchanged); raises `ParameterError` if it has none."""
    if dtype is None:
        return preset
    if not isinstance(preset.text, UMT5Config):
        raise ParameterError("text_dtype", dtype, f"preset {preset.name} has no UMT5 text encoder: leave it unset")
    return replace(preset, text=replace(preset.text, dtype=dtype))


def with_random_weights(preset: Preset, layers: int | None = None) -> Preset:
    """The preset with random weights and a small text encoder: nothing is read from files.

    layers: of the transformer; None: as many as it has.
    """
    weights = WeightsConfig(transformer="random:", codec="random:", text="random:")
    transformer: Any = preset.transformer
    if layers is not None:
        transformer = replace(transformer, layers=layers)
    return replace(preset, weights=weights, text=HashedConfig(), transformer=transformer)


def load_preset(name_or_path: str | Path) -> Preset:
    """Read a bundled preset by name, or any YAML file by path; raises `ConfigError` naming the invalid key."""
    path = preset_path(name_or_path)
    tree = read_preset_file(path)
    try:
        return _preset_from_tree(with_base(tree), path.stem)
    except (ConfigError, ParameterError) as error:
        raise ConfigError(f"preset {path.name}: {error}") from error


def _preset_from_tree(tree: Tree, name: str) -> Preset:
    live = tree.get("live_pruning", {})
    if isinstance(tree.get("pruning"), dict) and isinstance(live, dict):
        live = tree["pruning"] | live  # what it does not name is as for files
    models: dict[str, Any] = {section.name: section.parse(_required(tree, section.name)) for section in SECTIONS}
    stream = parse(_required(tree, "stream"), StreamSection, "stream")
    sizes = resolve_stream(stream, models["codec"], models["transformer"])
    return parse({**tree, **models, "stream": sizes, "name": name, "live_pruning": live}, Preset)


def _required(tree: Tree, section: str) -> Any:
    if section not in tree:
        raise ConfigError(f"{section}: missing")
    return tree[section]
