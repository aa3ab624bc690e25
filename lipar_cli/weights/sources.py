"""Sources and licences of the presets' checkpoints."""

import os
from dataclasses import dataclass

from lipar_core.config import Preset
from lipar_core.errors import LiparError

WAN = "Wan-AI/Wan2.1-T2V-1.3B"
TAEHV_URL = "https://github.com/madebyollin/taehv/raw/main/taew2_1.pth"
TOKENIZER_FILES = ("special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One published file: on the Hugging Face hub (`repo`, `path`), or at a URL."""

    target: str  # path below the weights folder
    licence: str
    repo: str = ""
    path: str = ""
    url: str = ""

    @property
    def origin(self) -> str:
        return f"{self.repo}/{self.path}" if self.repo else self.url


def sources() -> tuple[Source, ...]:
    """Every file that can be downloaded. $LIPAR_TAEHV_URL names a mirror of the one that is not on the hub."""
    return (
        Source(
            target="wan-1.3b/self_forcing_dmd.pt",
            licence="CC BY-NC-SA 4.0: no commercial use",
            repo="gdhe17/Self-Forcing",
            path="checkpoints/self_forcing_dmd.pt",
        ),
        Source(
            target="wan-1.3b/taew2_1.pth",
            licence="MIT, unverified",
            url=os.environ.get("LIPAR_TAEHV_URL") or TAEHV_URL,
        ),
        Source(
            target="wan-1.3b/umt5-xxl/models_t5_umt5-xxl-enc-bf16.pth",
            licence="Apache-2.0",
            repo=WAN,
            path="models_t5_umt5-xxl-enc-bf16.pth",
        ),
        *(
            Source(
                target=f"wan-1.3b/umt5-xxl/tokenizer/{name}",
                licence="Apache-2.0",
                repo=WAN,
                path=f"google/umt5-xxl/{name}",
            )
            for name in TOKENIZER_FILES
        ),
    )


def sources_of(preset: Preset) -> list[Source]:
    """The files that a preset needs; raises `LiparError` if a file has no known source."""
    files: list[Source] = []
    for name in (preset.weights.transformer, preset.weights.codec, preset.weights.text):
        if name.startswith("bundled:"):
            continue
        matching = [source for source in sources() if source.target == name or source.target.startswith(f"{name}/")]
        if not matching:
            raise LiparError(f"preset {preset.name}: {name} has no known source, copy it there yourself")
        files += matching
    return files
