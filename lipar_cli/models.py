"""`lipar models`: lists, verifies and removes downloaded checkpoints."""

import argparse
from pathlib import Path

from lipar_cli.weights.manifest import Manifest
from lipar_cli.weights.sources import sources_of
from lipar_core.errors import LiparError
from lipar_core.preset_files import preset_names
from lipar_core.presets import load_preset
from lipar_core.weight_files import converted_folder, weights_folder

FAILED = 1


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "models",
        help="list, verify and remove checkpoints",
        description="List the downloaded checkpoints, compare them with their checksums, or remove a preset's.",
    )
    parser.add_argument("action", nargs="?", choices=("list", "verify", "remove"), default="list")
    parser.add_argument("preset", nargs="?", metavar="PRESET", help="limits the files; required by `remove`")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folder = weights_folder()
    manifest = Manifest(folder)
    if args.action == "list":
        return _list(folder, manifest, args.preset)
    if args.action == "verify":
        return _verify(folder, manifest, args.preset)
    if args.preset is None:
        raise LiparError("models remove: name the preset whose checkpoints to remove")
    return _remove(folder, manifest, args.preset)


def _list(folder: Path, manifest: Manifest, preset: str | None) -> int:
    print(f"weights folder: {folder}")
    for name in [preset] if preset else preset_names():
        required = sources_of(load_preset(name))
        print(f"{name}: {'bundled' if not required else ''}".rstrip())
        for source in required:
            state = _state(folder / source.target, manifest.has(source.target))
            print(f"  {source.target}  {state}  ({source.licence})")
    for path in sorted(converted_folder().glob("*.safetensors")):
        print(f"  converted/{path.name}  {path.stat().st_size / 1e9:.2f} GB")
    return 0


def _state(path: Path, known: bool) -> str:
    if not path.is_file():
        return "is missing"
    size = f"{path.stat().st_size / 1e9:.3f} GB"
    return size if known else f"{size}, changed since the download or not from `lipar download`"


def _verify(folder: Path, manifest: Manifest, preset: str | None) -> int:
    """Compare every recorded file with its checksum; exit code 1 if one differs or is missing, or none is recorded."""
    from lipar_cli.weights.transfer import sha256_of

    required = _targets(preset) if preset else set(manifest.entries)
    failures = 0
    for target in sorted(required):
        path = folder / target
        entry = manifest.entries.get(target)
        if not path.is_file():
            state = "is missing"
        elif entry is None:
            state = "not from `lipar download`, no checksum known"
        else:
            sha256 = sha256_of(path)
            state = "ok" if sha256 == entry.sha256 else f"DIFFERS: SHA-256 {sha256}, downloaded was {entry.sha256}"
        print(f"{target}  {state}")
        failures += state != "ok"
    if not required:
        print(f"nothing to verify: {folder} has no file from `lipar download`")
    return FAILED if failures or not required else 0


def _remove(folder: Path, manifest: Manifest, preset: str) -> int:
    """Delete a preset's files, its partial downloads and the conversions of its checkpoints."""
    targets = _targets(preset)
    freed = 0
    for target in sorted(targets):
        path = folder / target
        files = [path, *path.parent.glob(f"{path.name}.*.partial"), *converted_folder().glob(f"{path.stem}-*")]
        for file in files:
            if file.is_file():
                freed += file.stat().st_size
                file.unlink()
                print(f"removed {file}")
        manifest.remove(target)
    print(f"{freed / 1e9:.2f} GB freed")
    return 0


def _targets(preset: str) -> set[str]:
    required = {source.target for source in sources_of(load_preset(preset))}
    if not required:
        raise LiparError(f"preset {preset} is bundled with the package: it has no downloaded files")
    return required
