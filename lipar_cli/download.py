"""`lipar download`: fetch the checkpoints of a preset."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_cli.weights.manifest import MANIFEST_NAME, Manifest, ManifestEntry
from lipar_cli.weights.sources import Source, sources_of
from lipar_core.errors import LiparError
from lipar_core.presets import load_preset
from lipar_core.weight_files import weights_folder

if TYPE_CHECKING:
    from lipar_cli.weights.remote import RemoteFile

DISK_MARGIN = 1.02  # times the remaining bytes: file systems need some space themselves


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "download",
        help="fetch the checkpoints of a preset",
        description="Fetch the checkpoints of a preset into $LIPAR_WEIGHTS (~/.cache/lipar). "
        "Reads HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and LIPAR_TAEHV_URL.",
    )
    parser.add_argument("preset", metavar="PRESET", help="wan-1.3b, or a preset file of your own")
    parser.add_argument("--dry-run", action="store_true", help="print what would be fetched, and stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folder = weights_folder()
    manifest = Manifest(folder)
    required = sources_of(load_preset(args.preset))
    if not required:
        print(f"preset {args.preset} is bundled, there is nothing to download")
        return 0
    missing = [source for source in required if not manifest.has(source.target)]
    for source in required:
        if source not in missing:
            print(f"{source.target}  is present  ({source.licence})")
    remotes = [_plan(source) for source in missing]
    _show_disk(folder, remotes)
    if args.dry_run or not missing:
        return 0
    for source, remote in zip(missing, remotes, strict=True):
        manifest.record(source.target, _fetch(source, remote, folder))
        print(f"{source.target}  done")
    print(f"checksums are in {folder / MANIFEST_NAME}; `lipar models verify` compares them")
    return 0


def _plan(source: Source) -> "RemoteFile | None":
    """Print where a file will come from; None means Hugging Face's cache, which is tried first when offline."""
    from huggingface_hub import constants

    from lipar_cli.weights.remote import cached_file, cached_sha256, look_up

    cached = cached_file(source)
    remote = None if cached and constants.is_offline_mode() else look_up(source)
    if cached and (remote is None or remote.sha256 in (None, cached_sha256(cached))):
        print(f"{source.target}  from the cache, {cached}  ({source.licence})")
        return None
    assert remote is not None
    print(f"{source.target}  {_size(remote.size)} from {source.origin}  ({source.licence})")
    return remote


def _show_disk(folder: Path, remotes: "list[RemoteFile | None]") -> None:
    """Print download size and free space; raises `LiparError` if it does not fit."""
    needed = sum(remote.size for remote in remotes if remote)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    downloaded = sum(path.stat().st_size for path in folder.glob("**/*.partial") if path.parent.name != "converted")
    free = shutil.disk_usage(existing).free
    print(f"{_size(needed)} to download to {folder}, {_size(free)} free there")
    if needed * DISK_MARGIN > free + downloaded:
        raise LiparError(f"{folder}: {_size(free)} free, {_size(needed)} needed: LIPAR_WEIGHTS can name another disk")


def _fetch(source: Source, remote: "RemoteFile | None", folder: Path) -> ManifestEntry:
    """Download a file, or take it from the cache, as planned."""
    from lipar_cli.weights.remote import cached_file
    from lipar_cli.weights.transfer import fetch, link_cached_file, sha256_of

    target = folder / source.target
    cached = cached_file(source)
    if remote is None:
        assert cached is not None
        sha256 = link_cached_file(cached, target)
    elif target.is_file() and remote.sha256 and sha256_of(target) == remote.sha256:
        sha256 = remote.sha256  # the file was put there manually
    else:
        sha256 = fetch(remote, folder)
    return ManifestEntry(
        size=target.stat().st_size,
        sha256=sha256,
        origin=source.origin,
        revision=remote.revision if remote else "from the cache",
        licence=source.licence,
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e3:.1f} kB"
