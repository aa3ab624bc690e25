"""The registry of models: which kinds a preset's sections may name, and how each is configured and loaded."""

import pkgutil
from dataclasses import dataclass, field
from typing import Any

from lipar_core.errors import ParameterError
from lipar_core.kinds.interfaces import CodecConfig, TextConfig, TransformerConfig
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.kinds.text import HashedConfig, PrecomputedConfig, UMT5Config
from lipar_core.kinds.wan import WanConfig
from lipar_core.parsing import parse

ModelConfig = CodecConfig | TransformerConfig | TextConfig


@dataclass(frozen=True, slots=True)
class ModelKind:
    """One kind of codec, transformer or text encoder."""

    config: type[ModelConfig]  # a struct that `parse` reads; its `kind` is the name
    load: str  # "module:function"; both import torch, which the web process never does, so they are imported by a call
    build: str | None = None  # "module:class" of the network, made of its configuration; None: a text encoder's


@dataclass(slots=True)
class Section:
    """A section of a preset, and the kinds that it may name."""

    name: str
    default: str  # the kind of a section that names none
    kinds: dict[str, ModelKind] = field(default_factory=dict)

    def register(self, kind: ModelKind) -> None:
        self.kinds[kind.config.kind] = kind

    def parse(self, tree: object) -> object:
        """The configuration of the section's kind. Raises `ParameterError`, `ConfigError`."""
        if not isinstance(tree, dict):
            raise ParameterError(self.name, tree, "must be an object")
        kind = tree.get("kind", self.default)
        if not isinstance(kind, str) or kind not in self.kinds:
            raise ParameterError(f"{self.name}.kind", kind, f"must be one of {', '.join(map(repr, self.kinds))}")
        return parse({k: v for k, v in tree.items() if k != "kind"}, self.kinds[kind].config, self.name)

    def build(self, config: ModelConfig) -> Any:
        """The network without weights."""
        build = self.kinds[config.kind].build
        assert build is not None
        return pkgutil.resolve_name(build)(config)

    def loader(self, config: ModelConfig) -> Any:
        """The function that loads a `Codec`, `Denoiser` or `TextEncoder` of `lipar_core/models/interfaces.py`.

        Its arguments are the configuration, the preset, the device and, but for a text encoder, the precision.
        """
        return pkgutil.resolve_name(self.kinds[config.kind].load)


CODECS = Section("codec", "taehv")
TRANSFORMERS = Section("transformer", "wan")
TEXT_ENCODERS = Section("text", "umt5")
SECTIONS = (CODECS, TRANSFORMERS, TEXT_ENCODERS)

CODECS.register(ModelKind(TAEHVConfig, "lipar_core.models.taehv:load_taehv", "lipar_core.models.taehv:TAEHV"))
TRANSFORMERS.register(ModelKind(WanConfig, "lipar_core.models.wan:load_wan", "lipar_core.models.wan:CausalWan"))
TEXT_ENCODERS.register(ModelKind(UMT5Config, "lipar_core.models.umt5:load_cached_umt5"))
TEXT_ENCODERS.register(ModelKind(HashedConfig, "lipar_core.models.hashed_text:load_hashed"))
TEXT_ENCODERS.register(ModelKind(PrecomputedConfig, "lipar_core.models.embedding_files:load_precomputed"))
