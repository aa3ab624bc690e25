"""Finds the files of a checkpoint: one file, or an index and its shards."""

import json
import re
from pathlib import Path

from lipar_core.errors import CheckpointError

INDEX_SUFFIXES = (".safetensors.index.json", ".bin.index.json")
SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.safetensors|\.bin)")
# Of files in a folder; the first kind that is there counts.
PATTERNS = (*(f"*{suffix}" for suffix in INDEX_SUFFIXES), "*.safetensors", "*.pt", "*.pth", "*.bin", "*.ckpt")
# Files by which a folder of another kind is recognised, and what to do.
OTHER_FOLDERS = {
    "model_index.json": "is a diffusers pipeline, name the folder of one model in it, for example transformer",
    "*.distcp": "is a checkpoint of torch.distributed.checkpoint: convert it with `python -m "
    "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE`",
}


def is_index(path: Path) -> bool:
    return path.name.endswith(INDEX_SUFFIXES)


def one_line(text: object) -> str:
    """The text without line breaks and escape sequences, cut to 200 characters."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(text))
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:200]


def resolve_file(path: Path) -> Path:
    """The checkpoint or index in a folder; the path itself if it is a file. Raises `CheckpointError`."""
    if not path.exists():
        raise CheckpointError(f"checkpoint {path}: no such file")
    if not path.is_dir():
        return path
    candidates = next((found for pattern in PATTERNS if (found := sorted(path.glob(pattern)))), [])
    if len(candidates) == 1:
        return candidates[0]
    for pattern, problem in OTHER_FOLDERS.items():
        if next(path.glob(pattern), None):
            raise CheckpointError(f"checkpoint {path}: {problem}")
    raise CheckpointError(f"checkpoint {path}: is a folder with {len(candidates)} checkpoints, name the file")


def checkpoint_files(path: Path) -> list[Path]:
    """The files that a checkpoint consists of."""
    path = resolve_file(path)
    if not is_index(path):
        return [path]
    return [path, *(path.parent / name for name in sorted(set(weight_map(path).values())))]


def index_of_shard(path: Path) -> str | None:
    """The file name of the index that a shard belongs to; None if its name is not a shard's."""
    match = SHARD.fullmatch(path.name)
    return f"{match[1]}{match[2]}.index.json" if match else None


def weight_map(index: Path) -> dict[str, str]:
    """The name of the shard that has each key."""
    try:
        shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = {str(key): str(name) for key, name in shards.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {index}: not an index of shards ({one_line(error)})") from error
    for name in names.values():
        if Path(name).name != name:
            raise CheckpointError(f"checkpoint {index}: its shard {name!r} is not in its folder")
    return names
