"""`lipar download`: fetch the checkpoints of a preset."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_cli.weights.manifest import NAME, Entry, Manifest
from lipar_cli.weights.sources import Source, sources_of
from lipar_core.config import load_preset
from lipar_core.errors import LiparError
from lipar_core.weight_files import weights_folder

if TYPE_CHECKING:
    from lipar_cli.weights.remote import Remote

SPARE = 1.02  # of the bytes that are still to come: file systems keep tables too


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "download",
        help="fetch the checkpoints of a preset",
        description="Fetch the checkpoints of a preset into $LIPAR_WEIGHTS (~/.cache/lipar). "
        "HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and LIPAR_TAEHV_URL are honoured.",
    )
    parser.add_argument("preset", metavar="PRESET", help="wan-1.3b, or a preset file of your own")
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, and stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folder = weights_folder()
    manifest = Manifest(folder)
    wanted = sources_of(load_preset(args.preset))
    if not wanted:
        print(f"preset {args.preset} is bundled, there is nothing to download")
        return 0
    missing = [source for source in wanted if not manifest.has(source.target)]
    for source in wanted:
        if source not in missing:
            print(f"{source.target}  is there  ({source.licence})")
    remotes = [_plan(source) for source in missing]
    _show_disk(folder, remotes)
    if args.dry_run or not missing:
        return 0
    for source, remote in zip(missing, remotes, strict=True):
        manifest.record(source.target, _obtain(source, remote, folder))
        print(f"{source.target}  done")
    print(f"checksums are in {folder / NAME}; `lipar models verify` compares them")
    return 0


def _plan(source: Source) -> "Remote | None":
    """Say where a file will come from; None is Hugging Face's cache, which is asked first when offline."""
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


def _show_disk(folder: Path, remotes: "list[Remote | None]") -> None:
    """Say how much there is to fetch and to store; raises `LiparError` where it does not fit."""
    needed = sum(remote.size for remote in remotes if remote)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    arrived = sum(path.stat().st_size for path in folder.glob("**/*.partial") if path.parent.name != "converted")
    free = shutil.disk_usage(existing).free
    print(f"{_size(needed)} to download to {folder}, {_size(free)} free there")
    if needed * SPARE > free + arrived:
        raise LiparError(f"{folder}: {_size(free)} free, {_size(needed)} needed: LIPAR_WEIGHTS can name another disk")


def _obtain(source: Source, remote: "Remote | None", folder: Path) -> Entry:
    """Bring a file into place, from wherever it was planned to come."""
    from lipar_cli.weights.remote import cached_file
    from lipar_cli.weights.transfer import adopt, fetch, sha256_of

    target = folder / source.target
    cached = cached_file(source)
    if remote is None:
        assert cached is not None
        sha256 = adopt(cached, target)
    elif target.is_file() and remote.sha256 and sha256_of(target) == remote.sha256:
        sha256 = remote.sha256  # someone has put it there by hand
    else:
        sha256 = fetch(remote, folder)
    return Entry(
        size=target.stat().st_size,
        sha256=sha256,
        origin=source.origin,
        revision=remote.revision if remote else "from the cache",
        licence=source.licence,
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e3:.1f} kB"
